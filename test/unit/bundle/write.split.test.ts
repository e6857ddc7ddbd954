import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { openBundle } from '../../../src/bundle/reading/bundle.ts';
import { verifyBundle } from '../../../src/bundle/verify.ts';
import { EarlierBundles } from '../../../src/bundle/writing/earlier-bundles.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../support/bundles.ts';
import { noise } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

const PART = 16_000;

/** Writes a bundle as one file `whole` and as four parts, `b.001` to `b.004`. */
async function split() {
  const dir = scratchFolder();
  const source = registry();
  await write(join(dir, 'whole'), source);
  const result = await write(join(dir, 'b'), source, { splitSize: PART });
  const names = result.parts as string[];
  const parts = names.map((name) => join(dir, name));
  return { dir, source, result, names, parts, path: join(dir, 'b'), whole: await readFile(join(dir, 'whole')) };
}

async function failure(path: string): Promise<{ code?: string; message?: string; hint?: string }> {
  return openBundle(path).then(
    async (bundle) => {
      await bundle.close();
      return {};
    },
    (error) => error,
  );
}

async function problemsOf(path: string) {
  const bundle = await openBundle(path);
  try {
    return await verifyBundle(bundle, { emit: ignoreEvents });
  } finally {
    await bundle.close();
  }
}

async function flip(path: string, i: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[i] = (bytes[i] as number) ^ 1;
  await writeFile(path, bytes);
}

describe('a split bundle', () => {
  it('is the same tar in parts, with an index of their SHA-256 sums', async () => {
    const { dir, names, parts, whole } = await split();
    const chunks = await Promise.all(parts.map((part) => readFile(part)));
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
    expect(names).toEqual(['b.001', 'b.002', 'b.003', 'b.004']);
    const index = JSON.parse(await readFile(join(dir, 'b.parts.json'), 'utf8'));
    expect(index).toEqual({
      schemaVersion: 1,
      size: whole.length,
      partSize: PART,
      parts: chunks.map((chunk, i) => ({
        name: names[i],
        size: chunk.length,
        sha256: digestOf(chunk).slice('sha256:'.length),
      })),
      // Larger bundles: the first 33 MiB.
      head: { size: whole.length, sha256: digestOf(whole).slice('sha256:'.length) },
    });
    const sums = ['b', ...names].map((name) => `${name}.sha256`);
    expect((await readdir(dir)).sort()).toEqual([...names, ...sums, 'b.parts.json', 'whole'].sort());
  });

  it('rejects the index of another bundle with parts of the same sizes', async () => {
    const { dir, path, source } = await split();
    const graph = await graphOf(source);
    const inventory = inventoryOf(graph, [chart]);
    const other = { ...inventory, platforms: ['x'.repeat(inventory.platforms.length + 1)] };
    await write(join(dir, 'c'), source, { splitSize: PART, inventory: other });
    const own = await readFile(`${path}.parts.json`, 'utf8');
    const { head: _, ...before } = JSON.parse(await readFile(join(dir, 'c.parts.json'), 'utf8'));
    // Indexes of older versions have no head: the first part is read instead.
    for (const index of [await readFile(join(dir, 'c.parts.json'), 'utf8'), JSON.stringify(before)]) {
      await writeFile(`${path}.parts.json`, index.replaceAll('"c.', '"b.'));
      const [problem, ...others] = await problemsOf(path);
      expect(problem?.message).toContain('another bundle');
      expect(others).toEqual([]);
    }
    const { head: __, ...older } = JSON.parse(own);
    for (const index of [own, JSON.stringify(older)]) {
      await writeFile(`${path}.parts.json`, index);
      expect(await problemsOf(path)).toEqual([]);
    }
    await writeFile(`${path}.parts.json`, JSON.stringify({ ...older, head: { size: -1, sha256: '' } }));
    expect(await failure(path)).toMatchObject({ code: 'bundle-invalid' });
  });

  it('is a single file if it fits into one part', async () => {
    const dir = scratchFolder();
    const result = await write(join(dir, 'b'), registry(), { splitSize: 10_000_000 });
    expect(result.parts).toBeUndefined();
    expect(await readdir(dir)).toEqual(['b']);
  });

  it('is opened by its index, any part, or their common name', async () => {
    const { path, parts, whole } = await split();
    for (const name of [path, `${path}.parts.json`, ...parts]) {
      const bundle = await openBundle(name);
      expect(bundle.size).toBe(whole.length);
      expect(bundle.images()).toHaveLength(3);
      await bundle.close();
    }
    expect(await problemsOf(path)).toEqual([]);
  });

  it('can be reused by a later bundle', async () => {
    const { dir, source, path } = await split();
    const earlier = await EarlierBundles.open([path], ignoreEvents);
    source.read = 0;
    const { reused } = await write(join(dir, 'again'), source, { earlier });
    await earlier.close();
    expect(reused).toBeGreaterThan(30_000);
    expect(source.read).toBe(0);
  });

  it('names a missing or truncated part, and a missing index', async () => {
    const { path, parts } = await split();
    const second = parts[1] as string;
    await rename(second, `${second}.away`);
    expect(await failure(path)).toMatchObject({ code: 'bundle-invalid', message: expect.stringContaining('b.002') });
    await copyFile(`${second}.away`, second);
    await truncate(second, 15_999);
    const cut = expect.stringMatching(/b\.002 .*15999 .*16000/);
    expect(await failure(path)).toMatchObject({ code: 'bundle-invalid', message: cut });
    await copyFile(`${second}.away`, second);
    await rm(`${path}.parts.json`);
    for (const name of [path, second]) {
      expect((await failure(name)).message).toContain('b.parts.json');
    }
  });

  it('names the damaged part before its blobs, with the affected images', async () => {
    const { path, parts } = await split();
    await flip(parts[2] as string, 8000);
    const [first, second] = await problemsOf(path);
    expect(first?.message).toContain('b.003');
    expect(second?.message).toMatch(/sha256:\w+/);
    expect(first?.affects).toEqual(second?.affects);
    expect(first?.affects.length).toBeGreaterThan(0);
  });

  it('names swapped parts, and the damaged part that prevents opening', async () => {
    const { path, parts } = await split();
    const [first, second] = parts as [string, string];
    await rename(first, `${path}.x`);
    await rename(second, first);
    await rename(`${path}.x`, second);
    expect((await failure(path)).message).toMatch(/b\.001 .*b\.002; .*b\.002 .*b\.001/);
    const other = await split();
    await flip(other.parts[0] as string, 3);
    expect((await failure(other.path)).message).toContain('b.001');
  });
});

describe('writing parts', () => {
  it('keeps identical parts, and replaces others only with force', async () => {
    const { dir, source, result, path } = await split();
    source.read = 0;
    expect(await write(path, source, { splitSize: PART })).toEqual({
      ...result,
      status: 'up-to-date',
      fetched: 0,
      resumed: 0,
    });
    expect(source.read).toBe(0);
    const smaller = { splitSize: 25_000 };
    await expect(write(path, source, smaller)).rejects.toMatchObject({ code: 'output-exists' });
    await expect(write(path, source)).rejects.toMatchObject({ code: 'output-exists' });
    await write(path, source, { ...smaller, force: true });
    const names = (await readdir(dir)).filter((name) => !name.endsWith('.sha256'));
    expect(names.sort()).toEqual(['b.001', 'b.002', 'b.003', 'b.parts.json', 'whole']);
    expect(await problemsOf(path)).toEqual([]);
    await write(path, source, { force: true });
    expect((await readdir(dir)).sort()).toEqual(['b', 'whole']);
    await expect(write(path, source, smaller)).rejects.toMatchObject({ code: 'output-exists' });
    await write(path, source, { ...smaller, force: true });
    expect(existsSync(path)).toBe(false);
  });

  it('does not replace a file that only has the name of a part', async () => {
    const dir = scratchFolder();
    await writeFile(join(dir, 'b.002'), 'precious');
    const writing = write(join(dir, 'b'), registry(), { splitSize: PART });
    await expect(writing).rejects.toMatchObject({ code: 'output-exists', message: expect.stringContaining('b.002') });
    expect(await readFile(join(dir, 'b.002'), 'utf8')).toBe('precious');
    expect(await write(join(dir, 'b'), registry())).toMatchObject({ status: 'written' });
    expect(await readFile(join(dir, 'b.002'), 'utf8')).toBe('precious');
  });

  it('resumes after an interruption while fetching or between the final renames', async () => {
    const { dir, source, whole } = await split();
    const graph = await graphOf(source);
    const path = join(dir, 'c');
    const options = { graph, splitSize: PART, concurrency: 1 };
    const stop = new AbortController();
    source.onChunk = (digest, offset) => {
      if (digest === digestOf(noise('base', 30_000)) && offset >= 20_000) stop.abort();
    };
    await expect(write(path, source, { ...options, signal: stop.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
    source.onChunk = () => {};
    const created = (await readdir(dir)).filter((name) => name.startsWith('c.'));
    expect(created.sort()).toEqual([1, 2, 3, 4].map((n) => `c.partial.00${n}`).concat('c.partial.journal'));
    await rename(join(dir, 'c.partial.001'), join(dir, 'c.001'));
    const result = await write(path, source, options);
    expect(result.resumed).toBeGreaterThan(15_000);
    const chunks = await Promise.all((result.parts as string[]).map((name) => readFile(join(dir, name))));
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
  });

  it('reuses written blobs when the part size changes, and deletes the old parts', async () => {
    const { dir, source } = await split();
    const graph = await graphOf(source);
    const stop = new AbortController();
    source.onChunk = (_, offset) => {
      if (offset >= 20_000) stop.abort();
    };
    const options = { graph, concurrency: 1 };
    const first = write(join(dir, 'c'), source, { ...options, splitSize: PART, signal: stop.signal });
    await expect(first).rejects.toMatchObject({ code: 'interrupted' });
    source.onChunk = () => {};
    expect((await write(join(dir, 'c'), source, options)).resumed).toBeGreaterThan(15_000);
    expect((await readdir(dir)).filter((name) => name.startsWith('c'))).toEqual(['c']);
  });

  it('refuses more than 999 parts, and gives the smallest possible part size', async () => {
    const { source, path } = await split();
    const writing = write(`${path}2`, source, { splitSize: 10 });
    await expect(writing).rejects.toMatchObject({ code: 'usage', hint: expect.stringMatching(/--split-size .*\d+/) });
  });
});
