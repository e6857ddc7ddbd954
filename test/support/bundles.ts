import { ignoreEvents } from '../../src/base/events.ts';
import { type ChartArtifact, chartArtifact } from '../../src/bundle/format/chart-artifact.ts';
import { type WriteOptions, type WriteResult, writeBundle } from '../../src/bundle/write.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { closureSize, type Graph, ReferrerIndex } from '../../src/oci/graph.ts';
import { formatReference } from '../../src/oci/reference.ts';
import type { Referrer } from '../../src/oci/referrer.ts';
import { walk } from '../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from './memory-registry.ts';

/** Three images that share a layer; one has two platforms. */
export function registry(): MemoryRegistry {
  const source = new MemoryRegistry();
  const base = noise('base', 30_000);
  source.addImage('quay.io/a', '1', [base, noise('a', 5000)]);
  source.addImage('docker.io/library/b', '2', [base, noise('b', 511)]);
  const amd = source.addImage('quay.io/multi', undefined, [base]);
  const arm = source.addImage('quay.io/multi', undefined, [noise('arm', 512)], 'linux/arm64');
  source.addIndex('quay.io/multi', '3', [
    { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
    { ...arm, platform: { os: 'linux', architecture: 'arm64' } },
  ]);
  return source;
}

export const NAMES = ['quay.io/a:1', 'docker.io/library/b:2', 'quay.io/multi:3'];

export async function graphOf(source: MemoryRegistry, names: readonly string[] = NAMES): Promise<Graph> {
  const { graph, failures } = await walk(source, references(...names), {
    platforms: [],
    concurrency: 4,
  });
  if (failures[0] !== undefined) throw failures[0].error;
  return graph;
}

export const chart: ChartArtifact = chartArtifact({
  metadata: { apiVersion: 'v2', name: 'demo', version: '1.2.3+b' },
  tgz: noise('chart', 700),
});

export function inventoryOf(graph: Graph, charts: readonly ChartArtifact[]): Inventory {
  return {
    apiVersion: 'airgap/v1',
    kind: 'Lock',
    schemaVersion: 1,
    platforms: [],
    charts: charts.map(({ name, version, descriptor, referrers = [] }) => ({
      name,
      version,
      source: name,
      digest: descriptor.digest,
      profiles: [],
      ...listed(referrers),
    })),
    images: graph.roots.map(({ reference, descriptor, sourceDigest }) => ({
      reference: formatReference(reference),
      digest: descriptor.digest,
      mediaType: descriptor.mediaType,
      ...(sourceDigest === undefined ? {} : { sourceDigest }),
      platforms: [],
      bytes: closureSize(graph, descriptor.digest),
      confidence: 'certain',
      need: 'install',
      found: [],
      ...listed(new ReferrerIndex(graph).transitive(reference, descriptor.digest)),
    })),
  };
}

function listed(referrers: readonly Referrer[]): Pick<Inventory['images'][number], 'referrers'> {
  if (referrers.length === 0) return {};
  return {
    referrers: referrers.map(({ descriptor: { digest }, subject, artifactType, tag }) => ({
      digest,
      subject,
      artifactType,
      ...(tag === undefined ? {} : { tag }),
    })),
  };
}

/** Writes a bundle of everything in the registry. */
export async function write(
  path: string,
  source: MemoryRegistry,
  options: Partial<WriteOptions> = {},
): Promise<WriteResult> {
  const graph = options.graph ?? (await graphOf(source));
  const charts = options.charts ?? [chart];
  return writeBundle({
    path,
    graph,
    charts,
    inventory: inventoryOf(graph, charts),
    source,
    concurrency: 4,
    force: false,
    emit: ignoreEvents,
    ...options,
  });
}
