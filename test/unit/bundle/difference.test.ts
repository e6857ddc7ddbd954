import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  type BundleDifference,
  comparableBundle,
  compareBundles,
  hasDifferences,
} from '../../../src/bundle/difference.ts';
import { type ChartArtifact, chartArtifact } from '../../../src/bundle/format/chart-artifact.ts';
import { type Bundle, openBundle } from '../../../src/bundle/reading/bundle.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import { graphOf, NAMES, registry, write } from '../../support/bundles.ts';
import { type MemoryRegistry, noise } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

function chart(name: string, version: string, seed = ''): ChartArtifact {
  return chartArtifact({ metadata: { apiVersion: 'v2', name, version }, tgz: noise(name + version + seed, 700) });
}

interface Side {
  readonly source: MemoryRegistry;
  readonly names?: readonly string[];
  readonly charts?: readonly ChartArtifact[];
  readonly graph?: Graph;
}

async function bundleOf({ source, names = NAMES, charts = [], graph }: Side): Promise<Bundle> {
  const path = join(scratchFolder(), 'b');
  await write(path, source, { graph: graph ?? (await graphOf(source, names)), charts });
  return openBundle(path);
}

async function between(older: Side, newer: Side): Promise<BundleDifference> {
  const bundles = await Promise.all([bundleOf(older), bundleOf(newer)]);
  try {
    const [before, after] = bundles;
    return compareBundles(comparableBundle(before), comparableBundle(after));
  } finally {
    for (const bundle of bundles) await bundle.close();
  }
}

it('finds no difference between two equal bundles, and nothing to carry', async () => {
  const difference = await between({ source: registry() }, { source: registry() });
  expect(hasDifferences(difference)).toBe(false);
  expect(difference.carry).toEqual({ blobs: 0, bytes: 0 });
  expect(difference.shared.bytes).toBeGreaterThan(36_000);
});

it('finds added, removed and moved images', async () => {
  const later = registry();
  const layer = noise('a, later', 6000);
  const to = later.addImage('quay.io/a', '1', [noise('base', 30_000), layer]);
  const added = later.addImage('quay.io/new', '1', [noise('base', 30_000)]);
  const { images, carry, shared } = await between(
    { source: registry() },
    { source: later, names: ['quay.io/a:1', 'quay.io/multi:3', 'quay.io/new:1'] },
  );
  expect(images.added).toEqual([{ reference: 'quay.io/new:1', digest: added.digest }]);
  expect(images.removed.map(({ reference }) => reference)).toEqual(['docker.io/library/b:2']);
  expect(images.retagged).toEqual([]);
  expect(images.moved).toEqual([
    { reference: 'quay.io/a:1', from: registry().tags.get('quay.io/a:1'), to: to.digest, because: 'content' },
  ]);
  // Only the new layer, its config and manifests, and the inventory; not the large shared layer.
  expect(carry.bytes).toBeGreaterThan(6000);
  expect(carry.bytes).toBeLessThan(12_000);
  expect(shared.bytes).toBeGreaterThan(30_000);
});

it('pairs one removed with one added tag of a repository, and leaves several unpaired', async () => {
  const source = registry();
  for (const name of ['a:2', 'two:1', 'two:2', 'two:3']) {
    source.addImage(`quay.io/${name.slice(0, -2)}`, name.slice(-1), [noise(name, 600)]);
  }
  const { images } = await between(
    { source, names: ['quay.io/a:1', 'quay.io/two:1', 'quay.io/multi:3'] },
    { source, names: ['quay.io/a:2', 'quay.io/two:2', 'quay.io/two:3', 'quay.io/multi:3'] },
  );
  expect(images.retagged.map(({ from, to }) => [from.reference, to.reference])).toEqual([
    ['quay.io/a:1', 'quay.io/a:2'],
  ]);
  expect(images.added.map(({ reference }) => reference)).toEqual(['quay.io/two:2', 'quay.io/two:3']);
  expect(images.removed.map(({ reference }) => reference)).toEqual(['quay.io/two:1']);
});

it('distinguishes another platform subset from other content', async () => {
  const source = registry();
  const graph = await graphOf(source, ['quay.io/multi:3']);
  const [root] = graph.roots;
  const child = root === undefined ? undefined : graph.manifests.get(root.descriptor.digest)?.children[0];
  if (root === undefined || child === undefined) throw new Error('an index has children');
  const { mediaType, digest, size } = child;
  const subset = {
    ...graph,
    roots: [{ ...root, descriptor: { mediaType, digest, size }, sourceDigest: root.descriptor.digest }],
  };
  const { images } = await between({ source, names: ['quay.io/multi:3'] }, { source, graph: subset });
  expect(images.moved).toMatchObject([{ reference: 'quay.io/multi:3', to: digest, because: 'platforms' }]);
});

it('finds added, removed, upgraded and republished charts', async () => {
  const source = registry();
  const { charts } = await between(
    { source, charts: [chart('gone', '1'), chart('twice', '1'), chart('twice', '2'), chart('same', '1', 'a')] },
    { source, charts: [chart('come', '1'), chart('twice', '2'), chart('twice', '3'), chart('same', '1', 'b')] },
  );
  expect(charts.added.map(({ name, version }) => [name, version])).toEqual([['come', '1']]);
  expect(charts.removed.map(({ name, version }) => [name, version])).toEqual([['gone', '1']]);
  expect(charts.changed.map(({ name, from, to }) => [name, from.version, to.version])).toEqual([
    ['same', '1', '1'],
    ['twice', '1', '3'],
  ]);
  expect(charts.changed[0]?.from.digest).not.toBe(charts.changed[0]?.to.digest);
});
