import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openRandomFile, singleFile } from '../../../../src/bundle/files/random-file.ts';
import { CHUNK_SIZE, FileBody } from '../../../../src/bundle/files/ranges.ts';
import { releaseBuffer } from '../../../../src/oci/buffer-pool.ts';
import { noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const content = noise('body', 4 * CHUNK_SIZE + 7);

async function contentFile() {
  const path = join(scratchFolder(), 'f');
  await writeFile(path, content);
  const file = await openRandomFile(singleFile(path), 'r');
  onTestFinished(() => file.close());
  return file;
}

describe('the body of a blob in a file', () => {
  it('is the content from a position on', async () => {
    const file = await contentFile();
    for (const [position, size] of [
      [0, content.length],
      [3, 2 * CHUNK_SIZE],
      [content.length - 1, 1],
      [9, 0],
    ] as const) {
      const read = await buffer(new FileBody(file, position, size, undefined));
      expect(read.equals(content.subarray(position, position + size))).toBe(true);
    }
  });

  it('reuses released buffers and never those still in use', async () => {
    const file = await contentFile();
    for (const isReleasing of [true, false]) {
      const kept: Buffer[] = [];
      const memory = new Set<ArrayBufferLike>();
      let offset = 0;
      for await (const chunk of new FileBody(file, 0, content.length, undefined) as AsyncIterable<Buffer>) {
        memory.add(chunk.buffer);
        expect(chunk.equals(content.subarray(offset, offset + chunk.length))).toBe(true);
        offset += chunk.length;
        if (isReleasing) releaseBuffer(chunk);
        else kept.push(chunk);
      }
      expect(offset).toBe(content.length);
      if (isReleasing) expect(memory.size).toBeLessThan(4);
      else expect(Buffer.concat(kept).equals(content)).toBe(true);
    }
  });

  it('reports an unexpected end of file, and stops on abort', async () => {
    const file = await contentFile();
    const outside = new FileBody(file, content.length - 5, 10, undefined);
    await expect(buffer(outside)).rejects.toMatchObject({
      code: 'file',
      message: expect.stringContaining(`byte ${content.length}`),
    });
    await expect(buffer(new FileBody(file, 0, 10, AbortSignal.abort()))).rejects.toThrow(/abort/i);
  });
});
