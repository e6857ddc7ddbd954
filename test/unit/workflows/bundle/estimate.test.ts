import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Estimate, ignoreEvents } from '../../../../src/base/events.ts';
import { planBundle } from '../../../../src/bundle/write.ts';
import { EarlierBundles } from '../../../../src/bundle/writing/earlier-bundles.ts';
import type { Graph } from '../../../../src/oci/graph.ts';
import { estimate } from '../../../../src/workflows/bundle/estimate.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import type { MemoryRegistry } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

async function estimateOf(path: string, graph: Graph, reuse: readonly string[] = []): Promise<Estimate> {
  const earlier = await EarlierBundles.open(reuse, ignoreEvents);
  try {
    const charts = [chart];
    const plan = await planBundle({ path, graph, charts, inventory: inventoryOf(graph, charts), force: false });
    return estimate({ plan, graph, charts: charts.length, earlier, quotas: [] });
  } finally {
    await earlier.close();
  }
}

/** Interrupts a run, which leaves a partial bundle with the first blobs. */
async function interrupted(path: string, source: MemoryRegistry): Promise<void> {
  const stop = new AbortController();
  source.onChunk = () => {
    if (source.read > 20_000) stop.abort();
  };
  await expect(write(path, source, { signal: stop.signal, concurrency: 1 })).rejects.toMatchObject({
    code: 'interrupted',
  });
  source.onChunk = () => {};
}

describe('an estimate', () => {
  it('matches the run to the byte', async () => {
    const dir = scratchFolder();
    const source = registry();
    const graph = await graphOf(source);
    const before = await estimateOf(join(dir, 'b'), graph);
    expect(await readdir(dir)).toEqual([]);
    const { fetched, size, blobs } = await write(join(dir, 'b'), source, { graph });
    expect(before).toMatchObject({ charts: 1, images: 3, fetched, size, blobs, needed: size, reused: 0, resumed: 0 });
    expect(before.free).toBeGreaterThan(size);
  });

  it('counts bytes saved by sharing between images, not within one', async () => {
    const dir = scratchFolder();
    const graph = await graphOf(registry());
    expect((await estimateOf(join(dir, 'b'), graph)).shared).toBe(2 * 30_000);
    const one = await graphOf(registry(), ['quay.io/multi:3']);
    expect((await estimateOf(join(dir, 'b'), one)).shared).toBe(0);
  });

  it('considers earlier bundles', async () => {
    const dir = scratchFolder();
    const source = registry();
    const some = await graphOf(source, ['quay.io/a:1']);
    await write(join(dir, 'old'), source, { graph: some });
    const graph = await graphOf(source);
    const { fetched, reused } = await estimateOf(join(dir, 'b'), graph, [join(dir, 'old')]);
    const { fetched: everything } = await estimateOf(join(dir, 'b'), graph);
    const inOld = [...some.blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect({ fetched, reused }).toEqual({ fetched: everything - inOld, reused: inOld });
  });

  it('considers data of an interrupted run, including disk space', async () => {
    const dir = scratchFolder();
    const source = registry();
    const graph = await graphOf(source);
    const before = await estimateOf(join(dir, 'b'), graph);
    await interrupted(join(dir, 'b'), source);
    const remaining = await readdir(dir);
    const { fetched, resumed, needed, size } = await estimateOf(join(dir, 'b'), graph);
    expect(resumed).toBeGreaterThan(0);
    expect(fetched).toBe(before.fetched - resumed);
    expect(needed).toBeLessThan(size);
    expect(await readdir(dir)).toEqual(remaining);
  });

  it('considers data of an interrupted run with another plan', async () => {
    const dir = scratchFolder();
    const source = registry();
    await interrupted(join(dir, 'b'), source);
    const other = await estimateOf(join(dir, 'b'), await graphOf(source, ['quay.io/a:1']));
    expect(other).toMatchObject({ needed: other.size });
    expect(other.resumed).toBeGreaterThan(15_000);
  });

  it('is zero if the bundle exists', async () => {
    const dir = scratchFolder();
    const source = registry();
    await write(join(dir, 'b'), source);
    const nothing = { fetched: 0, reused: 0, resumed: 0, needed: 0 };
    expect(await estimateOf(join(dir, 'b'), await graphOf(source))).toMatchObject(nothing);
  });

  it('fails if another file exists', async () => {
    const dir = scratchFolder();
    await writeFile(join(dir, 'b'), 'precious');
    const graph = await graphOf(registry());
    await expect(estimateOf(join(dir, 'b'), graph)).rejects.toMatchObject({ code: 'output-exists' });
  });
});
