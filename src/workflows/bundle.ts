import { readFile } from 'node:fs/promises';
import { AirgapError, combine } from '../base/errors.ts';
import { checkOutput } from '../base/output-file.ts';
import { type ChartArtifact, chartArtifact } from '../bundle/chart-artifact.ts';
import { type WriteResult, writeBundle } from '../bundle/write.ts';
import type { PlaceFound } from '../discovery/index.ts';
import type { NetworkNeed } from '../discovery/network/index.ts';
import type { Lock } from '../lock/lock.ts';
import type { Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { chartTag } from '../oci/naming.ts';
import { parseReference, type Reference, tryParseRepository } from '../oci/reference.ts';
import { pinned } from '../transfer/pinned.ts';
import { walk } from '../transfer/walk.ts';
import { lockOf, type PackedChart } from './bundle-lock.ts';
import { warn } from './bundle-warnings.ts';
import type { Dropped } from './confirm.ts';
import { type Context, withScratch } from './context.ts';
import { chosen, type ImagesOptions, networkOf, search, warnUnmatched } from './images.ts';
import { connect, type RegistryAccess } from './registry.ts';
import { type Chosen, type ResolveOptions, resolveImages } from './resolve.ts';

export interface PackOptions extends ResolveOptions {
  readonly out: string;
  readonly access: RegistryAccess;
  /** Replace what is at `out`. */
  readonly force: boolean;
}

export interface BundleOptions extends ImagesOptions, PackOptions {}

export interface BundleResult extends WriteResult {
  readonly lock: Lock;
  /** Candidates that their registries do not have, and that are not in the bundle. */
  readonly dropped: readonly Dropped[];
}

/** Discovers, resolves, pulls, and writes the bundle. Nothing is at `out` before it is complete. */
export function bundle(context: Context, options: BundleOptions): Promise<BundleResult> {
  return withScratch(context, async (scratch) => {
    await checkOutput(options.out, '--out');
    const {
      charts: searched,
      failures: missing,
      excluded,
    } = await search(context, { ...options, recipes: true }, scratch);
    if (missing.length > 0) throw combine(missing, `${missing.length} charts within charts could not be searched`);
    const choose = (more: readonly PlaceFound[]): Chosen => chosen([...searched, { places: more }], options, excluded);
    if (searched.length === 0 && choose([]).findings.length === 0) {
      throw new AirgapError('usage', 'there is nothing to bundle', { hint: 'give a chart, --image or --images' });
    }
    return pack(context, options, { charts: searched, choose, network: networkOf(searched, options) });
  });
}

/** What goes into a bundle, whoever said so. */
export interface Contents {
  readonly charts: readonly PackedChart[];
  /** All findings as they are chosen, with the places that were found on the way. */
  readonly choose: (more: readonly PlaceFound[]) => Chosen;
  /** What workloads fetch from the internet besides images. */
  readonly network: readonly NetworkNeed[];
  /** Digests of references with a tag, where somebody has locked them. */
  readonly pins?: ReadonlyMap<string, Digest>;
}

/** Resolves, pulls, and writes the bundle. */
export async function pack(
  context: Context,
  options: PackOptions,
  { charts, choose, network, pins = new Map() }: Contents,
): Promise<BundleResult> {
  const { client } = connect(context, options.access);
  try {
    const { platforms, concurrency } = options;
    const { emit, signal } = context;
    const { graph, findings, choices, dropped } = await resolveImages(context, pinned(client, pins), choose, options);
    warnUnmatched(context, choices);
    const moving = findings.map(({ reference }) => reference).filter((reference) => !pins.has(reference));
    warn(emit, network, moving);
    const artifacts = await Promise.all(charts.map((chart) => artifactOf(chart, client, options, context)));
    const gone = dropped.map(({ reference }) => reference);
    const all = gone.length === 0 ? choices : [...choices, { rule: 'dropped' as const, references: gone }];
    const lock = lockOf({ charts, artifacts, findings, graph, platforms, choices: all });
    const { out: path, force } = options;
    const steps = { concurrency, force, emit, signal };
    const result = await writeBundle({ path, graph, charts: artifacts, lock, source: client, ...steps });
    return { ...result, lock, dropped };
  } finally {
    await client.close();
  }
}

/** A chart from an OCI registry stays the artifact that it was there, digest and provenance included. */
async function artifactOf(
  { chart }: PackedChart,
  source: Source,
  options: PackOptions,
  context: Context,
): Promise<ChartArtifact> {
  const { metadata, archive, provenance, request, fetched } = chart;
  const reference = ociReference(fetched.chart, metadata.version);
  if (reference === undefined) {
    const tgz = await readFile(archive);
    return chartArtifact({ metadata, tgz, ...(provenance === undefined ? {} : { provenance }) });
  }
  const { concurrency } = options;
  const { emit, signal } = context;
  const { graph, failures } = await walk(source, [reference], { platforms: [], concurrency, emit, signal });
  const [failure] = failures;
  const [root] = graph.roots;
  if (failure !== undefined) throw failure.error;
  if (root === undefined) throw new AirgapError('chart-not-found', `${request.chart} gave no manifest`);
  return { name: metadata.name, version: metadata.version, descriptor: root.descriptor, content: graph };
}

function ociReference(chart: string, version: string): Reference | undefined {
  if (!chart.startsWith('oci://')) return undefined;
  const name = chart.slice('oci://'.length);
  if (name.includes('@')) return parseReference(name);
  const repository = tryParseRepository(name.replace(/:[^/:]*$/, ''));
  return repository === undefined ? undefined : { ...repository, tag: chartTag(version) };
}
