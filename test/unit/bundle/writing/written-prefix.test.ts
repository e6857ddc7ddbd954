import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openRandomFile, type RandomFile, singleFile } from '../../../../src/bundle/files/random-file.ts';
import { detectWrittenPrefix } from '../../../../src/bundle/writing/written-prefix.ts';
import { noise } from '../../../support/memory-registry.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** More than one read. */
const SIZE = 300_000;
const CONTENT = noise('content', SIZE);
const ZERO_RUN = 4096;

async function place(content: Uint8Array, offset: number, use: (file: RandomFile) => Promise<void>): Promise<void> {
  const file = await openRandomFile(singleFile(join(scratchFolder(), 'f')), 'w+');
  try {
    await file.truncate(offset + SIZE + ZERO_RUN);
    await file.writev([content], offset);
    await use(file);
  } finally {
    await file.close();
  }
}

it('finds the written prefix, whatever part of it is known', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(SIZE), fc.nat(SIZE), fc.nat(5000), async (bytes, known, offset) => {
      // Random content has no long run of zeros; its last byte must not be zero.
      const content = Buffer.from(CONTENT.subarray(0, bytes));
      if (bytes > 0) content[bytes - 1] = 1;
      await place(content, offset, async (file) => {
        const found = await detectWrittenPrefix(file, offset, Math.min(known, bytes), SIZE);
        expect(found).toBe(bytes);
      });
    }),
    { numRuns: 30 },
  );
});

it('never exceeds the written bytes for content with zeros', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(SIZE),
      fc.nat(SIZE),
      fc.integer({ min: 1, max: 3 * ZERO_RUN }),
      async (bytes, index, zeros) => {
        const content = Buffer.from(CONTENT.subarray(0, bytes)).fill(
          0,
          Math.min(index, bytes),
          Math.min(index + zeros, bytes),
        );
        await place(content, 100, async (file) => {
          const found = await detectWrittenPrefix(file, 100, 0, SIZE);
          expect(found).toBeLessThanOrEqual(bytes);
          if (zeros < ZERO_RUN && bytes > index + zeros) expect(found).toBeGreaterThan(index + zeros);
        });
      },
    ),
    { numRuns: 30 },
  );
});

it('reads only the range of the blob, and nothing if all of it is known', async () => {
  await place(Buffer.alloc(SIZE + ZERO_RUN, 7), 0, async (file) => {
    expect(await detectWrittenPrefix(file, 0, 10, SIZE)).toBe(SIZE);
    const blind = { ...file, read: () => Promise.reject(new Error('read')) };
    expect(await detectWrittenPrefix(blind, 0, SIZE, SIZE)).toBe(SIZE);
  });
});
