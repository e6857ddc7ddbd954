import { expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { createChartArtifact } from '../../../../src/workflows/bundle/chart-artifacts.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged, tagOf } from '../../../support/referrers.ts';

const chart = {
  metadata: { apiVersion: 'v2', name: 'demo', version: '1.0.0+b' },
  archive: '',
  root: 'demo',
  provenance: undefined,
  source: '',
  request: { chart: 'oci://quay.io/charts/demo' },
  fetchedRequest: { chart: 'oci://quay.io/charts/demo' },
};

it('keeps the referrers of a chart from an OCI registry, under its name in the bundle', async () => {
  const registry = new MemoryRegistry();
  registry.listsReferrers = true;
  const manifest = {
    schemaVersion: 2,
    config: registry.addBlob('quay.io/charts/demo', MediaType.helmConfig, Buffer.from('{}')),
    layers: [registry.addBlob('quay.io/charts/demo', MediaType.helmChart, noise('chart', 90))],
  };
  const { digest, ...rest } = registry.addManifest('quay.io/charts/demo', manifest, MediaType.ociManifest, '1.0.0_b');
  const sbom = addReferrer(registry, 'quay.io/charts/demo', { digest, ...rest });
  const signature = addTagged(registry, 'quay.io/charts/demo', { digest, ...rest });
  const packed = { chart, profiles: [] };
  const steps = { concurrency: 4, emit: ignoreEvents };
  const artifact = await createChartArtifact(packed, registry, { ...steps, referrers: true });
  expect(artifact).toMatchObject({ name: 'demo', version: '1.0.0+b', descriptor: { digest } });
  const repository = { registry: 'charts', path: 'demo' };
  expect(artifact.referrers).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ repository, subject: digest, descriptor: sbom }),
      expect.objectContaining({ repository, descriptor: signature, tag: tagOf(digest, 'sig') }),
    ]),
  );
  for (const { descriptor } of artifact.referrers ?? []) {
    expect(artifact.content.manifests.has(descriptor.digest)).toBe(true);
  }
  expect((await createChartArtifact(packed, registry, { ...steps, referrers: false })).referrers).toEqual([]);
});
