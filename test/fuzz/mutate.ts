import fc from '../support/property.ts';

/** One change of a byte string. Positions are fractions of its length, so that shrinking one change keeps the others valid. */
type Change = (bytes: Buffer) => Buffer;

/** Texts with a special meaning in many formats. */
const TOKENS = [
  ...['', ' ', '\0', '\n', '\r', '\u0085', '\u2028', '\ufeff', '\u001b[2J', '\u202e', '\ud800', '…'],
  ...[
    '/',
    '..',
    '../',
    './',
    '//',
    '\\',
    '%2e%2e%2f',
    '?a=b',
    '#',
    '@',
    ':',
    '"',
    "'",
    '`',
    '$'.concat('{x}'),
    '{{ .Values }}',
  ],
  ...['0', '-1', '1e308', '9007199254740993', '0x7fffffffffffffff', 'NaN', 'null', 'true', '~', '[]', '{}'],
  ...['__proto__', 'constructor', 'toString', 'sha256:', `sha256:${'0'.repeat(64)}`, 'https://a/', 'file:///'],
  ...[
    '---\n',
    '...\n',
    '- ',
    '? ',
    '&a ',
    '*a',
    '<<: ',
    '!!binary ',
    '%YAML 1.1\n',
    '|\n',
    '>-\n',
    'Bearer ',
    'Basic ',
    ',',
  ],
];

const share = fc.double({ min: 0, max: 1, noNaN: true, noDefaultInfinity: true });
const token = fc.constantFrom(...TOKENS);
const at = (bytes: Buffer, part: number): number => Math.floor(part * bytes.length);

function replace(bytes: Buffer, from: number, to: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(Math.max(from, to))]);
}

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(share, fc.nat(255)).map(
    ([where, value]): Change =>
      (bytes) => {
        const from = at(bytes, where);
        return replace(bytes, from, from + 1, Buffer.from([value]));
      },
  ),
  fc.tuple(share, token).map(
    ([where, text]): Change =>
      (bytes) => {
        const from = at(bytes, where);
        return replace(bytes, from, from, Buffer.from(text));
      },
  ),
  fc.tuple(share, share).map(
    ([from, to]): Change =>
      (bytes) =>
        replace(bytes, at(bytes, from), at(bytes, to), Buffer.of()),
  ),
  fc.tuple(share, share, share).map(
    ([from, to, where]): Change =>
      (bytes) => {
        const into = at(bytes, where);
        return replace(bytes, into, into, bytes.subarray(at(bytes, from), at(bytes, to)));
      },
  ),
  // Long repetitions of a text reveal more than linear time.
  fc.tuple(share, token, fc.constantFrom(10, 1000, 60_000)).map(
    ([where, text, size]): Change =>
      (bytes) => {
        const run = Buffer.from(text.repeat(Math.ceil(size / Math.max(1, text.length)) + 1).slice(0, size));
        const from = at(bytes, where);
        return replace(bytes, from, from, run);
      },
  ),
  // Replaces a value of a JSON or YAML document.
  fc.tuple(share, token).map(
    ([where, text]): Change =>
      (bytes) => {
        const found = [...bytes.toString('latin1').matchAll(/"[^"\n]*"|\b\d+\b/g)];
        const value = found[Math.floor(where * found.length)];
        if (value === undefined) return bytes;
        return replace(bytes, value.index, value.index + value[0].length, Buffer.from(JSON.stringify(text)));
      },
  ),
  // Nests the rest deeply.
  fc.tuple(share, fc.constantFrom('[', '{"a":', '- ', '  a:\n'), fc.constantFrom(100, 20_000)).map(
    ([where, text, times]): Change =>
      (bytes) => {
        const from = at(bytes, where);
        return replace(bytes, from, from, Buffer.from(text.repeat(times)));
      },
  ),
);

/** One of the seeds with one to five changes; sometimes arbitrary bytes. */
export function mutated(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.oneof(
    {
      weight: 20,
      arbitrary: fc
        .tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 5 }))
        .map(([seed, changes]) => changes.reduce((bytes, apply) => apply(bytes), seed)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)) },
  );
}

const odd = fc.constantFrom<unknown>(
  ...[null, true, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '', [], {}, [null], 'x'.repeat(5000)],
  ...TOKENS,
);

/** A JSON document with one to four of its values, keys or subtrees replaced. The result is always JSON. */
export function mutatedJson(seed: unknown): fc.Arbitrary<Buffer> {
  return fc.array(fc.tuple(share, share, odd, fc.nat(3)), { minLength: 1, maxLength: 4 }).map((changes) => {
    const root = { value: structuredClone(seed) };
    for (const [where, other, value, how] of changes) {
      const slots = slotsOf(root);
      const slot = slots[Math.floor(where * slots.length)];
      if (slot === undefined) continue;
      const { holder, key } = slot;
      const from = slots[Math.floor(other * slots.length)];
      if (how === 0) holder[key] = value;
      else if (how === 1) holder[key] = structuredClone(from?.holder[from.key]);
      else if (how === 2 && !Array.isArray(holder)) {
        Object.defineProperty(holder, String(value), {
          value: holder[key],
          enumerable: true,
          configurable: true,
          writable: true,
        });
      } else delete holder[key];
    }
    return Buffer.from(JSON.stringify(root.value) ?? 'null');
  });
}

interface Slot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function slotsOf(holder: object): Slot[] {
  return Object.keys(holder).flatMap((key) => {
    const slot = { holder: holder as Record<string, unknown>, key };
    const value = slot.holder[key];
    return typeof value === 'object' && value !== null ? [slot, ...slotsOf(value)] : [slot];
  });
}
