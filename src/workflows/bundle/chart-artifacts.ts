import { readFile } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import { type ChartArtifact, chartArtifact } from '../../bundle/format/chart-artifact.ts';
import { chartReference } from '../../bundle/format/names.ts';
import { chartTag } from '../../naming/naming.ts';
import type { RegistrySource } from '../../oci/content.ts';
import { parseReference, type Reference, tryParseRepository } from '../../oci/reference.ts';
import { ReferrerCollector, type ReferrerCollectorOptions } from '../../transfer/referrers/collect.ts';
import type { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { Walker } from '../../transfer/walk.ts';
import type { PackedChart } from './inventory.ts';

/**
 * Returns the OCI artifact of a chart. A chart from an OCI registry keeps its artifact, digest and provenance, and its
 * referrers unless `referrers` is false; in the bundle it has the name of the chart.
 * @throws AirgapError of the registry; `chart-not-found`
 */
export async function createChartArtifact(
  { chart }: PackedChart,
  source: RegistrySource,
  {
    referrers,
    requests,
    ...options
  }: ReferrerCollectorOptions & {
    readonly referrers: boolean;
    readonly requests?: ReferrerRequests;
  },
): Promise<ChartArtifact> {
  const { metadata, archive, provenance, request, fetchedRequest } = chart;
  const { name, version } = metadata;
  const reference = ociReference(fetchedRequest.chart, version);
  if (reference === undefined) {
    const tgz = await readFile(archive);
    return chartArtifact({ metadata, tgz, provenance });
  }
  const walker = new Walker(source, { ...options, platforms: [] });
  const [failure] = await walker.add([reference]);
  if (failure !== undefined) throw failure.error;
  const { roots } = walker.graph();
  const [root] = roots;
  if (root === undefined) throw new AirgapError('chart-not-found', `${request.chart} has no manifest`);
  const collector = new ReferrerCollector(source, walker, options, requests);
  if (referrers) await collector.collect(roots);
  const content = await collector.withBlobs(walker.graph());
  const { registry, path } = chartReference(name, version);
  const attached = content.referrers?.map((referrer) => ({ ...referrer, repository: { registry, path } })) ?? [];
  return { name, version, descriptor: root.descriptor, content, referrers: attached };
}

function ociReference(chart: string, version: string): Reference | undefined {
  if (!chart.startsWith('oci://')) return undefined;
  const name = chart.slice('oci://'.length);
  if (name.includes('@')) return parseReference(name);
  const repository = tryParseRepository(name.replace(/:[^/:]*$/, ''));
  return repository === undefined ? undefined : { ...repository, tag: chartTag(version) };
}
