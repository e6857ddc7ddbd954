import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { openBundle } from '../../../src/bundle/reading/bundle.ts';
import { verifyBundle } from '../../../src/bundle/verify.ts';
import { planBundle } from '../../../src/bundle/write.ts';
import { EarlierBundles } from '../../../src/bundle/writing/earlier-bundles.ts';
import { cyclonedxBom } from '../../../src/inventory/cyclonedx.ts';
import type { Source } from '../../../src/oci/content.ts';
import { type Descriptor, MediaType } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { estimate } from '../../../src/workflows/bundle/estimate.ts';
import { graphOf, inventoryOf, write } from '../../support/bundles.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { digestOf } from '../../support/digest.ts';
import { IMAGE_CONFIG, LAYER, MemoryRegistry } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Larger than any bundle seen so far. Measures processor time, which does not depend on the load of the machine. */

function seconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const IMAGES = 1000;
/** Layers shared by all images, and layers of one image. */
const [SHARED, OWN] = [2, 18];
const LAYER_SIZE = 30_000_000;

/** Returns manifests whose layers do not exist. */
function manifestsOnly(): { source: Source; names: string[] } {
  const manifests = new Map<string, { descriptor: Descriptor; bytes: Buffer }>();
  const layer = (name: string): Descriptor => ({
    mediaType: LAYER,
    digest: digestOf(name) as Digest,
    size: LAYER_SIZE,
  });
  const names = Array.from({ length: IMAGES }, (_, index) => `quay.io/team${index % 50}/app${index}:1`);
  for (const [index, name] of names.entries()) {
    const layers = [
      ...Array.from({ length: SHARED }, (_, i) => layer(`shared ${i}`)),
      ...Array.from({ length: OWN }, (_, i) => layer(`${name} ${i}`)),
    ];
    const config = { ...layer(`${name} config`), mediaType: IMAGE_CONFIG, size: 5000 + index };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers }));
    manifests.set(name, { bytes, descriptor: descriptorOf(bytes, MediaType.ociManifest) });
  }
  const source: Source = {
    manifest: async ({ registry, path }, tag) => manifests.get(`${registry}/${path}:${tag}`) ?? expect.fail(),
    blob: () => expect.fail('nothing is fetched'),
  };
  return { source, names };
}

test('a thousand images of half a terabyte are planned in seconds, and in little memory', {
  timeout: 120_000,
}, async () => {
  const { source, names } = manifestsOnly();
  const before = process.memoryUsage.rss();
  const start = seconds();
  const options = { platforms: [], concurrency: 8, emit: ignoreEvents };
  const { graph, failures } = await walk(source, names.map(parseReference), options);
  expect(failures).toEqual([]);
  const inventory = inventoryOf(graph, []);
  const path = join(scratchFolder(), 'b');
  // Planning needs no disk space.
  const plan = await planBundle({ path, graph, charts: [], inventory, force: false });
  const earlier = await EarlierBundles.open([], ignoreEvents);
  const cost = estimate({ plan, graph, charts: 0, earlier, quotas: [] });
  expect(cyclonedxBom(inventory, '1').components).toHaveLength(IMAGES);
  const [spent, memoryGrowth] = [seconds() - start, process.memoryUsage.rss() - before];
  expect(cost).toMatchObject({ images: IMAGES, fetched: expect.any(Number) });
  expect(cost.blobs).toBeGreaterThan(20_000);
  expect(cost.size).toBeGreaterThan(500e9);
  expect(cost.shared).toBe((IMAGES - 1) * SHARED * LAYER_SIZE);
  expect(spent).toBeLessThan(10);
  expect(memoryGrowth).toBeLessThan(250e6);
});

test('a bundle of ten thousand blobs is opened and compared with its plan in a moment, and verified in a few', {
  timeout: 240_000,
}, async () => {
  const source = new MemoryRegistry();
  const names = Array.from({ length: IMAGES }, (_, index) => `quay.io/team/app${index}:1`);
  for (const index of names.keys()) {
    const layers = Array.from({ length: 9 }, (_, i) => Buffer.from(`layer ${i} of image ${index}`.padEnd(200)));
    source.addImage(`quay.io/team/app${index}`, '1', layers);
  }
  const path = join(scratchFolder(), 'b');
  const graph = await graphOf(source, names);
  await write(path, source, { graph, charts: [] });
  const start = seconds();
  const bundle = await openBundle(path);
  expect(bundle.entries.size).toBeGreaterThan(10_000);
  const opened = seconds();
  expect(await write(path, source, { graph, charts: [] })).toMatchObject({ status: 'up-to-date' });
  const compared = seconds();
  expect(await verifyBundle(bundle, { emit: ignoreEvents })).toEqual([]);
  const verified = seconds();
  await bundle.close();
  const times = [opened - start, compared - opened, verified - compared];
  expect(times[0], `${times}`).toBeLessThan(1);
  expect(times[1], `${times}`).toBeLessThan(3);
  expect(times[2], `${times}`).toBeLessThan(6);
});
