import { expect, it } from 'vitest';
import type { RandomFile } from '../../../../src/bundle/files/random-file.ts';
import { ReadAhead } from '../../../../src/bundle/files/ranges.ts';
import { noise } from '../../../support/memory-registry.ts';
import fc from '../../../support/property.ts';

const CONTENT = noise('content', 700_000);

function reader(): { ahead: ReadAhead; reads: number[] } {
  const reads: number[] = [];
  const file = {
    read: async (buffer: Uint8Array, position: number) => {
      reads.push(buffer.length);
      return position < CONTENT.length ? CONTENT.copy(buffer, 0, position) : 0;
    },
  };
  return { ahead: new ReadAhead(file as unknown as RandomFile), reads };
}

it('returns the content at any position', async () => {
  const chunk = fc.record({ position: fc.nat(CONTENT.length + 1000), size: fc.nat(3000) });
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 30 }), fc.boolean(), async (chunks, isSorted) => {
      const { ahead } = reader();
      if (isSorted) chunks.sort((a, b) => a.position - b.position);
      for (const { position, size } of chunks) {
        const expected = CONTENT.subarray(position, position + size);
        expect(Buffer.compare(await ahead.read(position, size), expected)).toBe(0);
      }
    }),
    { numRuns: 50 },
  );
});

it('merges reads that are close together', async () => {
  const { ahead, reads } = reader();
  for (let offset = 0; offset < CONTENT.length; offset += 1024) await ahead.read(offset, 512);
  expect(reads.length).toBeLessThan(5);
});

it('reads only the requested bytes where they are far apart', async () => {
  const { ahead, reads } = reader();
  for (let offset = 0; offset < CONTENT.length; offset += 100_000) await ahead.read(offset, 512);
  expect(new Set(reads)).toEqual(new Set([512]));
});
