import { readFile } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import { type ChartArtifact, chartArtifact } from '../../bundle/chart-artifact.ts';
import { chartReference } from '../../bundle/names.ts';
import { chartTag } from '../../oci/naming.ts';
import { parseReference, type Reference, tryParseRepository } from '../../oci/reference.ts';
import type { AskedSource } from '../../transfer/pinned.ts';
import type { ReferrerQuestions } from '../../transfer/referrer-questions.ts';
import { type ReferrerOptions, Referrers } from '../../transfer/referrers.ts';
import { Walker } from '../../transfer/walk.ts';
import type { PackedChart } from './bundle-lock.ts';

/**
 * Returns the OCI artifact of a chart. A chart from an OCI registry keeps its artifact, digest and provenance, and its
 * referrers unless `referrers` is false; in the bundle it has the name of the chart.
 * @throws AirgapError of the registry; `chart-not-found`
 */
export async function artifactOf(
  { chart }: PackedChart,
  source: AskedSource,
  {
    referrers,
    questions,
    ...steps
  }: ReferrerOptions & {
    readonly referrers: boolean;
    readonly questions?: ReferrerQuestions;
  },
): Promise<ChartArtifact> {
  const { metadata, archive, provenance, request, fetched } = chart;
  const { name, version } = metadata;
  const reference = ociReference(fetched.chart, version);
  if (reference === undefined) {
    const tgz = await readFile(archive);
    return chartArtifact({ metadata, tgz, ...(provenance === undefined ? {} : { provenance }) });
  }
  const walker = new Walker(source, { ...steps, platforms: [] });
  const [failure] = await walker.add([reference]);
  if (failure !== undefined) throw failure.error;
  const { roots } = walker.graph();
  const [root] = roots;
  if (root === undefined) throw new AirgapError('chart-not-found', `${request.chart} has no manifest`);
  const belonging = new Referrers(source, walker, steps, questions);
  if (referrers) await belonging.collect(roots);
  const content = await belonging.within(walker.graph());
  const { registry, path } = chartReference(name, version);
  const attached = content.referrers?.map((one) => ({ ...one, repository: { registry, path } })) ?? [];
  return { name, version, descriptor: root.descriptor, content, referrers: attached };
}

function ociReference(chart: string, version: string): Reference | undefined {
  if (!chart.startsWith('oci://')) return undefined;
  const name = chart.slice('oci://'.length);
  if (name.includes('@')) return parseReference(name);
  const repository = tryParseRepository(name.replace(/:[^/:]*$/, ''));
  return repository === undefined ? undefined : { ...repository, tag: chartTag(version) };
}
