import { readdir, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { openRandomFile } from '../../../src/bundle/files/random-file.ts';
import { planBundle, type WriteOptions } from '../../../src/bundle/write.ts';
import { EarlierBundles } from '../../../src/bundle/writing/earlier-bundles.ts';
import { findResumeState, moveResumedBlobs, renameResumeState } from '../../../src/bundle/writing/resume-state.ts';
import { type Digest, digestOf } from '../../../src/oci/digest.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import { estimate } from '../../../src/workflows/bundle/estimate.ts';
import { graphOf, inventoryOf, write } from '../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

const LAYERS = [40_000, 9_000, 30_000, 20_000, 512, 25_000];

/** Images of two layers each: neighbours share one. */
function registry(): MemoryRegistry {
  const source = new MemoryRegistry();
  const layers = LAYERS.map((size, index) => noise(`layer ${index}`, size));
  for (let index = 0; index + 1 < layers.length; index++)
    source.addImage(`quay.io/i${index}`, '1', layers.slice(index, index + 2));
  return source;
}

const named = (...numbers: number[]): string[] => numbers.map((index) => `quay.io/i${index}:1`);

function bytesOf({ blobs }: Graph): number {
  return [...blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
}

/** Interrupts a run after `bytes` bytes were read. */
async function cut(path: string, source: MemoryRegistry, graph: Graph, bytes: number): Promise<void> {
  const stop = new AbortController();
  source.read = 0;
  source.onChunk = () => {
    if (source.read >= bytes) stop.abort();
  };
  const options = { graph, charts: [], concurrency: 3, signal: stop.signal };
  await expect(write(path, source, options)).rejects.toMatchObject({ code: 'interrupted' });
  source.onChunk = () => {};
  source.read = 0;
}

async function same(path: string, graph: Graph): Promise<boolean> {
  const whole = `${path}.whole`;
  await write(whole, registry(), { graph, charts: [] });
  return (await readFile(path)).equals(await readFile(whole));
}

const small = 2500;

it('reuses written blobs when an image is added, and fetches the rest', async () => {
  const dir = scratchFolder();
  const path = join(dir, 'b');
  const source = registry();
  await cut(path, source, await graphOf(source, named(0, 2)), 80_000);
  const graph = await graphOf(source, named(0, 2, 4));
  const result = await write(path, source, { graph, charts: [] });
  expect(result.resumed).toBeGreaterThan(80_000 - small);
  expect(result.fetched).toBe(source.read);
  expect(result.fetched + result.resumed).toBe(bytesOf(graph));
  expect(await readdir(dir)).toEqual(['b']);
  expect(await same(path, graph)).toBe(true);
});

it('reuses blobs that are still needed when images are removed, and deletes the others', async () => {
  const dir = scratchFolder();
  const path = join(dir, 'b');
  const source = registry();
  const all = await graphOf(source, named(0, 1, 2, 3, 4));
  await cut(path, source, all, bytesOf(all) - 30_000);
  const graph = await graphOf(source, named(1));
  const result = await write(path, source, { graph, charts: [] });
  expect(result.fetched + result.resumed).toBe(bytesOf(graph));
  expect(result.resumed).toBeGreaterThan(5000);
  expect(await readdir(dir)).toEqual(['b']);
  expect(await same(path, graph)).toBe(true);
});

it('plans how much it will reuse', async () => {
  const path = join(scratchFolder(), 'b');
  const source = registry();
  await cut(path, source, await graphOf(source, named(0, 2)), 80_000);
  const graph = await graphOf(source, named(0, 2, 4));
  const options = { path, graph, charts: [], inventory: inventoryOf(graph, []), force: false };
  const plan = await planBundle(options);
  const earlier = await EarlierBundles.open([], ignoreEvents);
  const { fetched, resumed } = estimate({ plan, graph, charts: 0, earlier, quotas: [] });
  expect(await write(path, source, { graph, charts: [] })).toMatchObject({ fetched, resumed });
});

it('resumes an interrupted takeover', async () => {
  const dir = scratchFolder();
  const path = join(dir, 'b');
  const source = registry();
  await cut(path, source, await graphOf(source, named(0, 2)), 80_000);
  const graph = await graphOf(source, named(0, 2, 4));
  const stopped: Partial<WriteOptions> = { graph, charts: [], signal: AbortSignal.abort() };
  await expect(write(path, source, stopped)).rejects.toMatchObject({ code: 'interrupted' });
  expect(source.read).toBe(0);
  expect((await readdir(dir)).sort()).toEqual(['b.partial.old', 'b.partial.old.journal']);
  const result = await write(path, source, { graph, charts: [] });
  expect(result.resumed).toBeGreaterThan(80_000 - small);
  expect(await readdir(dir)).toEqual(['b']);
  expect(await same(path, graph)).toBe(true);
});

it('loses nothing when killed between two moved blobs', async () => {
  const path = join(scratchFolder(), 'b');
  const source = registry();
  await cut(path, source, await graphOf(source, named(0, 2)), 80_000);
  const resumeState = await renameResumeState(
    (await findResumeState(`${path}.partial`)) ?? expect.fail(),
    `${path}.partial.old`,
  );
  const graph = await graphOf(source, named(0, 2, 4));
  const { layout } = await planBundle({ path, graph, charts: [], inventory: inventoryOf(graph, []), force: false });
  const needed = new Map(
    layout.entries.flatMap(({ node, offset, size }) =>
      node === undefined ? [] : [[node.descriptor.digest, { offset, size, writtenBytes: 0 }] as const],
    ),
  );
  const into = await openRandomFile(
    { paths: [join(path, '..', 'elsewhere')], partSize: Number.POSITIVE_INFINITY },
    'w+',
  );
  const moved: Digest[] = [];
  const checkpoint = async (digest: Digest): Promise<void> => {
    // A moved blob is truncated from the old file before the next is moved: at most one is on the disk twice.
    const { size } = await stat(resumeState.fileParts.paths[0] as string);
    const before = moved.at(-1);
    if (before !== undefined) expect(size).toBe((resumeState.blobs.get(before)?.offset ?? 0) + 512);
    moved.push(digest);
    if (moved.length === 3) throw new Error('killed');
  };
  await expect(moveResumedBlobs(resumeState, { needed, target: into, checkpoint })).rejects.toThrow('killed');
  await into.close();
  const rest = (await findResumeState(resumeState.path))?.blobs;
  const expected = [...resumeState.blobs.keys()].filter(
    (digest) => needed.has(digest) && !moved.slice(0, 2).includes(digest),
  );
  expect(expected.length).toBeGreaterThan(2);
  for (const digest of expected) expect(rest?.get(digest)).toEqual(resumeState.blobs.get(digest));
});

it('deletes stale files', async () => {
  const dir = scratchFolder();
  const path = join(dir, 'b');
  const source = registry();
  const graph = await graphOf(source, named(0));
  await writeFile(`${path}.partial.old`, noise('x', 20_000));
  await writeFile(`${path}.partial.old.journal`, `airgap-journal v1 ${digestOf(Buffer.alloc(0))}\n`);
  expect(await write(path, source, { graph, charts: [] })).toMatchObject({ status: 'written', resumed: 0 });
  expect(await readdir(dir)).toEqual(['b']);
});

it('fetches a damaged blob of the earlier run again', async () => {
  const path = join(scratchFolder(), 'b');
  const source = registry();
  const first = await graphOf(source, named(0));
  const lost = digestOf(noise('layer 1', 9000));
  const kept = source.blobs.get(`quay.io/i0@${lost}`) as Uint8Array;
  source.blobs.delete(`quay.io/i0@${lost}`);
  await expect(write(path, source, { graph: first, charts: [] })).rejects.toMatchObject({ code: 'image-not-found' });
  source.blobs.set(`quay.io/i0@${lost}`, kept);
  const bytes = await readFile(`${path}.partial`);
  bytes.write('damaged', bytes.indexOf(noise('layer 0', 40_000)) + 1000);
  await writeFile(`${path}.partial`, bytes);
  const graph = await graphOf(source, named(0, 4));
  source.read = 0;
  await write(path, source, { graph, charts: [] });
  expect(source.read).toBeGreaterThan(40_000);
  expect(await same(path, graph)).toBe(true);
});

it.each([
  ['its journal is gone', async (path: string) => rename(`${path}.partial.journal`, `${path}.elsewhere`)],
  ['it is truncated', async (path: string) => truncate(`${path}.partial`, 2000)],
  ['it is not an archive', async (path: string) => writeFile(`${path}.partial`, noise('x', 20_000))],
])('starts over when %s, and deletes the old files', async (_, spoil) => {
  const dir = scratchFolder();
  const path = join(dir, 'b');
  const source = registry();
  await cut(path, source, await graphOf(source, named(0)), 30_000);
  await spoil(path);
  const graph = await graphOf(source, named(0, 4));
  expect(await write(path, source, { graph, charts: [] })).toMatchObject({ resumed: 0, fetched: bytesOf(graph) });
  expect((await readdir(dir)).filter((name) => name.includes('partial'))).toEqual([]);
  expect(await same(path, graph)).toBe(true);
});

it('finds bytes written after the last journal entry, as after a kill', async () => {
  const dir = scratchFolder();
  const path = join(dir, 'b');
  const source = registry();
  const graph = await graphOf(source, named(0, 2, 4));
  await cut(path, source, graph, 90_000);
  const journal = `${path}.partial.journal`;
  const [title] = (await readFile(journal, 'utf8')).split('\n');
  await writeFile(journal, `${title}\nsha256:0123`);
  const result = await write(path, source, { graph, charts: [] });
  expect(result.resumed).toBeGreaterThan(90_000 - 3 * small);
  expect(result.fetched).toBe(source.read);
  expect(await same(path, graph)).toBe(true);
});

it('resumes after any number of interruptions', async () => {
  const path = join(scratchFolder(), 'b');
  const source = registry();
  const graph = await graphOf(source, named(0, 1, 2, 3, 4));
  let read = 0;
  for (const bytes of [1, 10_000, 3000, 45_000, 20_000]) {
    await cut(path, source, graph, bytes);
    read += bytes;
  }
  const result = await write(path, source, { graph, charts: [] });
  expect(result.resumed).toBeGreaterThan(read - 5 * small);
  expect(await same(path, graph)).toBe(true);
});
