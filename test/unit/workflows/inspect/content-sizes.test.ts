import { expect, it } from 'vitest';
import { chartArtifact } from '../../../../src/bundle/format/chart-artifact.ts';
import { closureSize } from '../../../../src/oci/graph.ts';
import { formatReference } from '../../../../src/oci/reference.ts';
import { contentSizes } from '../../../../src/workflows/inspect/content-sizes.ts';
import { graphOf, inventoryOf } from '../../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';

const [BASE, OWN, TINY] = [30_000, 5000, 70];

/** Images `a` and `b` share a layer, and `same` is `a` under another name. */
async function content() {
  const source = new MemoryRegistry();
  const base = noise('base', BASE);
  source.addImage('quay.io/a', '1', [base, noise('a', OWN)]);
  source.addImage('quay.io/same', '1', [base, noise('a', OWN)]);
  source.addImage('quay.io/b', '1', [base, noise('b', TINY)]);
  source.addImage('quay.io/c', '1', [noise('c', TINY)]);
  return graphOf(source, ['quay.io/a:1', 'quay.io/same:1', 'quay.io/b:1', 'quay.io/c:1']);
}

function bundleOf(graph: Awaited<ReturnType<typeof content>>, charts: Record<string, readonly string[]>) {
  const inventory = inventoryOf(graph, []);
  const found = (reference: string) =>
    Object.entries(charts)
      .filter(([, images]) => images.includes(reference))
      .map(([chart]) => ({ chart }) as (typeof inventory.images)[number]['found'][number]);
  const images = inventory.images.map((image) => ({ ...image, found: found(image.reference) }));
  return { images: () => [...graph.roots], charts: () => [], inventory: () => ({ ...inventory, images }) };
}

it('an image has the bytes of its manifest and blobs; those of a second name are shared', async () => {
  const graph = await content();
  const { images } = contentSizes(bundleOf(graph, {}), graph);
  for (const { reference, descriptor } of graph.roots)
    expect(images.get(formatReference(reference))?.bytes).toBe(closureSize(graph, descriptor.digest));
  expect(images.get('quay.io/a:1')?.own).toBe(0);
  expect(images.get('quay.io/same:1')?.own).toBe(0);
  const b = images.get('quay.io/b:1');
  expect((b?.bytes ?? 0) - (b?.own ?? 0)).toBeGreaterThanOrEqual(BASE);
  expect(b?.own).toBeLessThan(BASE);
  const c = images.get('quay.io/c:1');
  expect(c?.own).toBeGreaterThanOrEqual(TINY);
});

it('a chart has its archives and images, each digest once, and its own bytes are what the bundle would save', async () => {
  const graph = await content();
  const charts = ['1.0.0', '2.0.0'].map((version) =>
    chartArtifact({ metadata: { apiVersion: 'v2', name: 'app', version }, tgz: noise(version, 700) }),
  );
  const source = bundleOf(graph, { app: ['quay.io/a:1', 'quay.io/same:1'], 'manifests x': ['quay.io/b:1'] });
  const archives = charts.map((each) => each.content);
  const all = {
    ...graph,
    manifests: new Map([...graph.manifests, ...archives.flatMap(({ manifests }) => [...manifests])]),
    blobs: new Map([...graph.blobs, ...archives.flatMap(({ blobs }) => [...blobs])]),
  };
  const sizes = contentSizes(
    { ...source, charts: () => charts.map((chart) => ({ ...chart, reference: { registry: '', path: chart.name } })) },
    all,
  );
  // The order of the bundle, then manifests, then what nothing needs.
  expect(sizes.charts.map(({ name, images }) => [name, images])).toEqual([
    ['app', 1],
    ['manifests x', 1],
    ['', 1],
  ]);
  const [app, manifests, rest] = sizes.charts;
  expect(app?.bytes).toBeGreaterThanOrEqual(2 * 700 + BASE + OWN);
  expect(app?.bytes).toBeLessThan(2 * (700 + BASE));
  // Without the chart, both of its names go; the layer that the other image needs stays.
  expect(app?.own).toBeGreaterThanOrEqual(2 * 700 + OWN);
  expect((app?.bytes ?? 0) - (app?.own ?? 0)).toBeGreaterThanOrEqual(BASE);
  expect((manifests?.bytes ?? 0) - (manifests?.own ?? 0)).toBeGreaterThanOrEqual(BASE);
  // Its empty config may be shared.
  expect(rest?.own).toBeGreaterThanOrEqual(TINY);
});
