import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openRandomFile, singleFile } from '../../../../src/bundle/files/random-file.ts';
import { CHUNK_SIZE, readRange } from '../../../../src/bundle/files/ranges.ts';
import { releaseBuffer } from '../../../../src/oci/buffer-pool.ts';
import { noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const content = noise('file', 4 * CHUNK_SIZE + 7);

async function fileWith(bytes: Uint8Array) {
  const path = join(scratchFolder(), 'f');
  await writeFile(path, bytes);
  const file = await openRandomFile(singleFile(path), 'r+');
  onTestFinished(() => file.close());
  return file;
}

it('reads a range into released buffers, or into new ones when none was released', async () => {
  const file = await fileWith(content);
  for (const isReleasing of [true, false]) {
    const memory = new Set<ArrayBufferLike>();
    const copies: Buffer[] = [];
    for await (const chunk of readRange(file, 1, content.length - 1)) {
      memory.add(chunk.buffer);
      copies.push(Buffer.from(chunk));
      if (isReleasing) releaseBuffer(chunk);
    }
    expect(Buffer.concat(copies).equals(content.subarray(1))).toBe(true);
    expect(memory.size).toBe(isReleasing ? 1 : 5);
  }
});
