import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { HashThread, hashThreadCount } from '../../../../src/bundle/verifying/hash-threads.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { registry, write } from '../../../support/bundles.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const MB = 1024 * 1024;
const sizes = (...megabytes: number[]): { size: number }[] => megabytes.map((size) => ({ size: size * MB }));

describe('hash threads', () => {
  it('are started if there is enough work to share and cores to use', () => {
    expect(hashThreadCount(sizes(10, 20), 8)).toBe(0);
    expect(hashThreadCount(sizes(4000, 20), 8)).toBe(0);
    expect(hashThreadCount(sizes(100, 100, 100), 8)).toBe(1);
    expect(hashThreadCount(sizes(...Array<number>(40).fill(100)), 8)).toBe(3);
    expect(hashThreadCount(sizes(...Array<number>(40).fill(100)), 2)).toBe(1);
    expect(hashThreadCount(sizes(...Array<number>(40).fill(100)), 1)).toBe(0);
    expect(hashThreadCount([], 2)).toBe(0);
  });

  for (const [name, splitSize] of [
    ['one file', undefined],
    ['parts', 16_000],
  ] as const) {
    it(`open the bundle themselves and find damage in ${name}`, async () => {
      const path = join(scratchFolder(), 'b');
      await write(path, registry(), { splitSize });
      const bundle = await openBundle(path);
      const all = [...bundle.entries].map(([digest, place]) => ({ digest, ...place }));
      const [victim] = all.toSorted((a, b) => b.size - a.size);
      const { digest = '' as Digest, offset = 0 } = victim ?? {};
      const thread = new HashThread(bundle.fileParts);
      let read = 0;
      const told = (bytes: number): void => {
        read += bytes;
      };
      try {
        expect(await thread.findDamaged(all, told)).toEqual([]);
        expect(read).toBe(all.reduce((sum, { size }) => sum + size, 0));
        const part = splitSize === undefined ? path : `${path}.00${Math.floor(offset / splitSize) + 1}`;
        const file = await open(part, 'r+');
        await file.write(Buffer.from('!!'), 0, 2, splitSize === undefined ? offset : offset % splitSize);
        await file.close();
        expect(await thread.findDamaged(all, told)).toEqual([digest]);
      } finally {
        await thread.close();
        await bundle.close();
      }
      expect(await thread.findDamaged(all, told), 'one that is gone says so').toBeUndefined();
    });
  }

  it('that cannot open the bundle leave the work to others', async () => {
    const thread = new HashThread({ paths: [join(scratchFolder(), 'nothing')], partSize: Number.POSITIVE_INFINITY });
    const blob = { digest: `sha256:${'0'.repeat(64)}` as Digest, offset: 0, size: 1 };
    expect(await thread.findDamaged([blob], () => {})).toBeUndefined();
    await thread.close();
  });
});
