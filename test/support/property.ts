import fc from 'fast-check';

/**
 * fast-check with a fixed seed, so that failures are reproducible and unrelated changes meet no new cases. AIRGAP_SEED sets
 * another one.
 */
fc.configureGlobal({ seed: Number(process.env.AIRGAP_SEED ?? 20261121) });

export default fc;

/** First code point of the surrogates, and their number. */
const [SURROGATES, COUNT] = [0xd800, 0x800];

/**
 * Any character except surrogates, a unit for `fc.string`. Like fast-check's own `binary`, without its table of a million
 * characters, which took longer to build than the tests.
 */
export const anyCharacter = fc.integer({ min: 0, max: 0x10ffff - COUNT }).map(
  (index) => String.fromCodePoint(index < SURROGATES ? index : index + COUNT),
  (text) => {
    const point = typeof text === 'string' ? text.codePointAt(0) : undefined;
    if (point === undefined || String.fromCodePoint(point) !== text) throw new Error('no single character');
    return point < SURROGATES ? point : point - COUNT;
  },
);
