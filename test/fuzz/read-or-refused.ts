import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AirgapError } from '../../src/base/errors.ts';
import fc from '../support/property.ts';
import { type Target, targets } from './targets.ts';

/**
 * Parsers of foreign bytes either accept them or refuse them with an AirgapError, in time. A test run tries a fixed number of
 * inputs, the same ones each time. `npm run fuzz` tries others for AIRGAP_FUZZ_SECONDS per parser, starting with AIRGAP_SEED.
 * Failing inputs are written to test/fuzz/corpus, which every run reads.
 */
const seconds = Number(process.env.AIRGAP_FUZZ_SECONDS ?? 0);
/** Milliseconds for one input of about 200 kB at most. Linear parsers take a hundredth of it, even on a busy machine. */
const LIMIT = 15_000;
const corpus = join(import.meta.dirname, 'corpus');

/** Reason why an input was handled wrongly; undefined if it was not. */
async function faultOf({ read }: Target, bytes: Buffer): Promise<string | undefined> {
  const started = performance.now();
  let fault: string | undefined;
  try {
    await read(bytes);
  } catch (error) {
    if (!(error instanceof AirgapError))
      fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const elapsed = performance.now() - started;
  if (elapsed > LIMIT) fault ??= `took ${Math.round(elapsed)} ms for ${bytes.length} bytes`;
  if (Object.keys(Object.prototype).length > 0) fault ??= 'Object.prototype was changed';
  return fault;
}

function keep(name: string, bytes: Buffer): string {
  const path = join(corpus, name, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  mkdirSync(join(corpus, name), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** Declares the tests of some of the targets: files of tests run side by side. @param part from 0 */
export function testTargets(part: number, parts: number): void {
  describe.each(targets.filter((_, i) => i % parts === part))('$name', testTarget);
}

function testTarget(target: Target): void {
  const { name, bytes, runs, seeds } = target;
  const known = existsSync(join(corpus, name)) ? readdirSync(join(corpus, name)) : [];

  test('takes what its inputs are made of', async () => {
    for (const seed of seeds) await expect((async () => target.read(seed))()).resolves.not.toBeInstanceOf(Error);
  });

  test.each(known)('holds what was found once: %s', async (file) => {
    expect(await faultOf(target, readFileSync(join(corpus, name, file)))).toBeUndefined();
  });

  test('is read or refused', { timeout: seconds * 1000 + 120_000 }, async () => {
    const property = fc.asyncProperty(bytes, async (input) => (await faultOf(target, input)) === undefined);
    const details = await fc.check(property, {
      numRuns: seconds > 0 ? Number.MAX_SAFE_INTEGER : runs,
      ...(seconds > 0 ? { interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false } : {}),
    });
    if (!details.failed || details.counterexample === null) {
      expect(details.failed).toBe(false);
      return;
    }
    const [input] = details.counterexample;
    expect.fail(`${await faultOf(target, input)}\ninput kept in ${keep(name, input)} (seed ${details.seed})`);
  });
}
