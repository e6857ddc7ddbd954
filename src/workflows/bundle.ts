import { readFile } from 'node:fs/promises';
import { AirgapError, combine } from '../base/errors.ts';
import type { Estimate } from '../base/events.ts';
import { checkOutput } from '../base/output-file.ts';
import { type ChartArtifact, chartArtifact } from '../bundle/chart-artifact.ts';
import { noSpace } from '../bundle/partial-file.ts';
import { EarlierBundles } from '../bundle/reuse.ts';
import { planBundle, type WriteResult, writeBundle } from '../bundle/write.ts';
import type { PlaceFound } from '../discovery/index.ts';
import type { NetworkNeed } from '../discovery/network/index.ts';
import type { Lock } from '../lock/lock.ts';
import type { Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { chartTag } from '../oci/naming.ts';
import { parseReference, type Reference, tryParseRepository } from '../oci/reference.ts';
import { type AskedSource, pinned } from '../transfer/pinned.ts';
import { walk } from '../transfer/walk.ts';
import { lockOf, type PackedChart } from './bundling/bundle-lock.ts';
import { warn } from './bundling/bundle-warnings.ts';
import { estimate } from './bundling/estimate.ts';
import { type Chosen, type ResolveOptions, resolveImages } from './bundling/resolve.ts';
import { readOlder, requiresOf } from './bundling/since.ts';
import type { Dropped } from './confirm.ts';
import { type Context, withScratch } from './context.ts';
import { chosen, type ImagesOptions, networkOf, search, warnUnmatched } from './images.ts';
import { connect, type RegistryAccess } from './registry.ts';

export interface PackOptions extends ResolveOptions {
  readonly out: string;
  readonly access: RegistryAccess;
  /** Replace what is at `out`. */
  readonly force: boolean;
  /** Earlier bundles, whose blobs are copied instead of fetched. */
  readonly reuse: readonly string[];
  /** Stop when everything is known, with nothing written. */
  readonly dryRun: boolean;
  /** An older bundle: what it has of the images is left out. */
  readonly since?: string;
}

export interface BundleOptions extends ImagesOptions, PackOptions {}

export interface BundleResult extends Omit<WriteResult, 'status'> {
  /** `planned`: a dry run, and nothing was written. */
  readonly status: WriteResult['status'] | 'planned';
  /** What was known before the first blob was read. */
  readonly estimate: Estimate;
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

/**
 * Resolves, says what it is going to cost, pulls, and writes the bundle.
 * @throws AirgapError `no-space` with what is needed and what there is, before anything is written; and whatever the
 *   steps throw
 */
export async function pack(
  context: Context,
  options: PackOptions,
  { charts, choose, network, pins = new Map() }: Contents,
): Promise<BundleResult> {
  const earlier = await EarlierBundles.open(options.reuse, context.emit);
  const { client } = connect(context, options.access);
  try {
    const { platforms, concurrency, since } = options;
    const { emit, signal } = context;
    const older = since === undefined ? undefined : await readOlder(since, concurrency, signal);
    const locked = pinned(client, pins);
    const asked: AskedSource = {
      manifest: (repository, tagOrDigest) => locked.manifest(repository, tagOrDigest),
      head: (repository, tagOrDigest) => locked.head(repository, tagOrDigest),
      blob: (repository, descriptor) => earlier.small(descriptor, locked.blob(repository, descriptor)),
    };
    const { graph, findings, choices, dropped } = await resolveImages(context, asked, choose, options);
    warnUnmatched(context, choices);
    const moving = findings.map(({ reference }) => reference).filter((reference) => !pins.has(reference));
    warn(emit, network, moving);
    const artifacts = await Promise.all(charts.map((chart) => artifactOf(chart, client, options, context)));
    const gone = dropped.map(({ reference }) => reference);
    const all = gone.length === 0 ? choices : [...choices, { rule: 'dropped' as const, references: gone }];
    const delta = older && requiresOf(older, graph, artifacts);
    const lock = { ...lockOf({ charts, artifacts, findings, graph, platforms, choices: all }), ...delta };
    const { out: path, force } = options;
    const content = { path, graph, charts: artifacts, lock, force };
    const plan = await planBundle(content);
    const cost = estimate({ plan, graph, charts: charts.length, earlier, quotas: client.quotas() });
    if (!plan.isThere) emit({ type: 'estimate', estimate: cost });
    if (cost.free < cost.needed) throw noSpace(path, cost.needed, cost.free);
    if (options.dryRun && !plan.isThere) {
      const { size, blobs, fetched, reused, resumed } = cost;
      return { status: 'planned', path, size, blobs, fetched, reused, resumed, estimate: cost, lock, dropped };
    }
    const result = await writeBundle({ ...content, source: client, earlier, concurrency, emit, signal }, plan);
    return { ...result, estimate: cost, lock, dropped };
  } finally {
    await earlier.close();
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
