import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  type FileParts,
  openRandomFile,
  type RandomFile,
  singleFile,
} from '../../../../src/bundle/files/random-file.ts';
import { writeAll } from '../../../../src/bundle/files/ranges.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';

async function parts(count: number, partSize: number): Promise<FileParts> {
  const dir = scratchFolder();
  return { paths: Array.from({ length: count }, (_, index) => join(dir, `f.${index}`)), partSize };
}

async function using<T>(fileParts: FileParts, flags: string, use: (file: RandomFile) => Promise<T>): Promise<T> {
  const file = await openRandomFile(fileParts, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

it('reads and writes across parts as in a single file', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.uint8Array({ maxLength: 7 }), { maxLength: 6 }),
      fc.nat(20),
      fc.boolean(),
      async (partSize, chunks, position, isNow) => {
        const written = Buffer.concat(chunks);
        const size = position + written.length + 3;
        const expected = Buffer.alloc(size);
        written.copy(expected, position);
        const fileParts = await parts(Math.ceil(size / partSize), partSize);
        await using(fileParts, 'w+', async (file) => {
          await file.truncate(size);
          if (isNow)
            for (let offset = position, remaining = [...chunks]; remaining.length > 0; remaining = remaining.slice(1)) {
              file.writeSync(remaining[0] as Uint8Array, offset);
              offset += (remaining[0] as Uint8Array).length;
            }
          else await writeAll(file, chunks, position);
          expect(await file.size()).toBe(size);
          const all = Buffer.alloc(size + 5);
          expect(isNow ? file.readSync(all, 0) : await file.read(all, 0)).toBe(size);
          expect(all.subarray(0, size).equals(expected)).toBe(true);
        });
        const pieces = await Promise.all(fileParts.paths.map((path) => readFile(path)));
        expect(Buffer.concat(pieces).equals(expected)).toBe(true);
        expect(pieces.slice(0, -1).every(({ length }) => length === partSize)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});

it('is opened again from its paths after a structured clone', async () => {
  for (const fileParts of [singleFile(join(scratchFolder(), 'f')), await parts(3, 4)]) {
    await using(fileParts, 'w+', (file) => writeAll(file, [Buffer.from('0123456789')], 0));
    const buffer = Buffer.alloc(4);
    await using(structuredClone(fileParts), 'r', (file) => file.read(buffer, 3));
    expect(buffer.toString()).toBe('3456');
  }
});

it('opens all parts or none, and names the missing one', async () => {
  const fileParts = await parts(2, 4);
  await writeFile(fileParts.paths[0] as string, 'abcd');
  await expect(openRandomFile(fileParts, 'r')).rejects.toMatchObject({ code: 'ENOENT', path: fileParts.paths[1] });
});

it('detects that a path was replaced', async () => {
  const fileParts = await parts(2, 4);
  await using(fileParts, 'w+', async (file) => {
    expect(await file.isInPlace()).toBe(true);
    const [, second] = fileParts.paths as [string, string];
    await rename(second, `${second}.old`);
    expect(await file.isInPlace()).toBe(false);
    await writeFile(second, '');
    expect((await stat(second)).isFile()).toBe(true);
    expect(await file.isInPlace()).toBe(false);
  });
});
