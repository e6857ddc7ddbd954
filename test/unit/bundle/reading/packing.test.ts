import { appendFile, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { create, extract, list } from 'tar';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { openRandomFile, type RandomFile, singleFile } from '../../../../src/bundle/files/random-file.ts';
import { type Bundle, openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { parseIndexContents } from '../../../../src/bundle/reading/contents.ts';
import { openLayout } from '../../../../src/bundle/reading/open-layout.ts';
import { checkPacking } from '../../../../src/bundle/reading/packing.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import { chart, graphOf, write } from '../../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';

async function bundled(splitSize?: number): Promise<string> {
  const path = join(scratchFolder(), 'b');
  const source = new MemoryRegistry();
  source.addImage('quay.io/a', '1', [noise('a', 700)]);
  await write(path, source, { graph: await graphOf(source, ['quay.io/a:1']), charts: [chart], splitSize });
  return path;
}

async function using<T>(path: string, work: (bundle: Bundle) => Promise<T>): Promise<T> {
  const bundle = await openBundle(path);
  try {
    return await work(bundle);
  } finally {
    await bundle.close();
  }
}

function problems(path: string): Promise<string[]> {
  return using(path, async (bundle) =>
    (await verifyBundle(bundle, { emit: ignoreEvents })).map(({ message }) => message),
  );
}

async function flip(path: string, at: number, bit = 1): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] as number) ^ bit]), 0, 1, at);
  await file.close();
}

/** Bytes that no digest covers. */
async function uncovered(path: string): Promise<number[]> {
  return using(path, async ({ entries, size }) => {
    const covered = new Set<number>();
    for (const { offset, size: bytes } of entries.values()) for (let i = 0; i < bytes; i++) covered.add(offset + i);
    return Array.from({ length: size }, (_, at) => at).filter((at) => !covered.has(at));
  });
}

describe('between the contents of a bundle', () => {
  it('every flipped bit is found or keeps the bundle from opening', async () => {
    const path = await bundled();
    const whole = await readFile(path);
    const bytes = await uncovered(path);
    expect(bytes.length).toBeGreaterThan(5000);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...bytes), fc.nat(7), async (at, bit) => {
        await flip(path, at, 1 << bit);
        const found = await problems(path).catch((error: unknown) => {
          if (!(error instanceof AirgapError)) throw error;
          return [error.message];
        });
        await writeFile(path, whole);
        expect(found, `byte ${at}, bit ${bit}`).not.toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('the position in the padding is reported', async () => {
    const path = await bundled();
    const { at, name } = await using(path, async ({ entries }) => {
      const [digest, entry] = [...entries].find(([, { size }]) => size % 512 > 0 && size % 512 < 500) ?? [];
      const { offset = 0, size = 0 } = entry ?? {};
      return { at: offset + size + 3, name: `blobs/sha256/${digest?.slice(7)}` };
    });
    await flip(path, at);
    expect(await problems(path)).toEqual([expect.stringMatching(new RegExp(`\\b${at}\\b.*padding.*${name}`))]);
  });

  it('header bytes outside the checksum are compared, too', async () => {
    const path = await bundled();
    // The checksum field ends with a NUL and a blank, which readers ignore.
    await flip(path, 155);
    expect(await problems(path)).toEqual([expect.stringMatching(/oci-layout .*byte 155$/)]);
  });

  it('names in index.json that only other tools read are compared, too', async () => {
    const path = await bundled();
    const at = (await readFile(path)).indexOf('quay.io/a:1');
    await flip(path, at);
    expect(await problems(path)).toEqual([expect.stringMatching(new RegExp(`^index.json .*byte ${at}$`))]);
  });

  it('unknown keys of manifest.json are found', async () => {
    const path = await bundled();
    const at = (await readFile(path)).indexOf('RepoTags');
    await flip(path, at);
    expect(await problems(path)).toContainEqual(expect.stringMatching(new RegExp(`^manifest.json .*byte ${at}$`)));
  });

  it('unexpected files and trailing bytes are reported', async () => {
    const path = await bundled();
    const { size } = await using(path, async (bundle) => bundle);
    await truncate(path, size - 1024);
    const extra = join(dirname(path), 'more');
    await mkdir(extra);
    await writeFile(join(extra, 'note.txt'), 'x');
    await create({ file: join(extra, 'x.tar'), cwd: extra, portable: true }, ['note.txt']);
    await appendFile(path, await readFile(join(extra, 'x.tar')));
    expect(await problems(path)).toContainEqual(expect.stringMatching(new RegExp(`"note.txt" at byte ${size - 512}`)));

    const longer = await bundled();
    await appendFile(longer, Buffer.alloc(512));
    expect(await problems(longer)).toEqual([
      expect.stringMatching(/the end of the archive .*\d+ bytes .*blobs\S+ .*\d+$/),
    ]);
  });

  it('in a split bundle, the damaged part is named as well', async () => {
    const path = await bundled(4096);
    const size = await using(path, async (bundle) => bundle.size);
    const part = Math.floor((size - 1) / 4096);
    await flip(`${path}.00${part + 1}`, (size - 1) % 4096);
    expect(await problems(path)).toEqual([
      expect.stringContaining(`b.00${part + 1} is damaged`),
      expect.stringContaining(`byte ${size - 1} `),
    ]);
  });

  it('read errors are reported and the rest is checked', async () => {
    const path = await bundled();
    const layout = await using(path, async (bundle) => bundle);
    const file = await openRandomFile(singleFile(path), 'r');
    const { index, files, folders, size } = await openLayout(file, path);
    const badByte = layout.size - 1;
    const broken = {
      // A read across a bad sector fails entirely.
      read: (buffer: Uint8Array, position: number) =>
        position <= badByte && position + buffer.length > badByte
          ? Promise.reject(new Error('EIO: i/o error, read'))
          : file.read(buffer, position),
    } as RandomFile;
    const read = { index, files, folders, size, entries: layout.entries };
    const { differences } = await checkPacking(broken, path, read, parseIndexContents(path, index));
    await file.close();
    expect(differences.map(({ message }) => message)).toEqual([
      expect.stringMatching(/byte \d+, .*blobs\S+: EIO: i\/o error, read$/),
    ]);
  });

  it('archives packed by another tool are not compared', async () => {
    const path = await bundled();
    const files = join(dirname(path), 'files');
    await mkdir(files);
    await extract({ file: path, cwd: files });
    const names: string[] = [];
    await list({ file: path, onReadEntry: (entry) => void names.push(entry.path) });
    const again = join(dirname(path), 'again.tar');
    await create({ file: again, cwd: files }, names);
    expect(await problems(again)).toEqual([]);
    expect(await using(again, (bundle) => bundle.checkPacking())).toEqual({ byOtherTool: true, differences: [] });
    expect(await using(path, (bundle) => bundle.checkPacking())).toEqual({ byOtherTool: false, differences: [] });
  });
});
