import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { CHUNK, PlacedWriter, readRange } from '../../../src/bundle/file.ts';
import { giveBack, lend } from '../../../src/oci/loan.ts';
import { noise } from '../transfer/memory.ts';
import { folder } from './bundles.ts';

const content = noise('file', 4 * CHUNK + 7);

async function fileWith(bytes: Uint8Array) {
  const path = join(await folder(), 'f');
  await writeFile(path, bytes);
  const file = await open(path, 'r+');
  onTestFinished(() => file.close());
  return file;
}

it('reads a range into the memory that was given back, and into new memory when none was', async () => {
  const file = await fileWith(content);
  for (const back of [true, false]) {
    const memory = new Set<ArrayBufferLike>();
    const copies: Buffer[] = [];
    for await (const chunk of readRange(file, 1, content.length - 1)) {
      memory.add(chunk.buffer);
      copies.push(Buffer.from(chunk));
      if (back) giveBack(chunk);
    }
    expect(Buffer.concat(copies).equals(content.subarray(1))).toBe(true);
    expect(memory.size).toBe(back ? 1 : 5);
  }
});

it('gives a chunk back when it is in the file, and not before', async () => {
  const file = await fileWith(Buffer.alloc(content.length));
  const writer = new PlacedWriter(file, 0);
  let back = 0;
  for (let at = 0; at < content.length; at += 65_536) {
    const chunk = Uint8Array.from(content.subarray(at, at + 65_536));
    lend(chunk, () => {
      back++;
      chunk.fill(0);
    });
    await writer.write(chunk);
  }
  await writer.flush();
  expect(back).toBe(Math.ceil(content.length / 65_536));
  const written = Buffer.alloc(content.length);
  await file.read(written, 0, written.length, 0);
  expect(written.equals(content)).toBe(true);
});
