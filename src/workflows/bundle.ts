import type { KeyObject } from 'node:crypto';
import { AirgapError, combine } from '../base/errors.ts';
import type { Estimate } from '../base/events.ts';
import { checkOutput } from '../base/output-file.ts';
import { withRunLock } from '../base/run-lock.ts';
import { signatureOver } from '../bundle/signing/kept-signature.ts';
import { planBundle, type WriteResult, writeBundle } from '../bundle/write.ts';
import { noSpace } from '../bundle/writing/foresee.ts';
import { EarlierBundles } from '../bundle/writing/reuse.ts';
import type { PlaceFound } from '../discovery/index.ts';
import type { NetworkNeed } from '../discovery/network/index.ts';
import type { Lock } from '../lock/lock.ts';
import type { Digest } from '../oci/digest.ts';
import type { SigningKey } from '../oci/signing-key.ts';
import { type AskedSource, pinned } from '../transfer/pinned.ts';
import { ReferrerQuestions } from '../transfer/referrer-questions.ts';
import { lockOf, type PackedChart } from './bundling/bundle-lock.ts';
import { tellForeign, tellUnanswered, type UnansweredImages, warn, warnLeftOut } from './bundling/bundle-warnings.ts';
import { artifactOf } from './bundling/chart-artifacts.ts';
import { estimate } from './bundling/estimate.ts';
import { requireSignatures } from './bundling/image-signatures.ts';
import { type Chosen, type ResolveOptions, resolveImages } from './bundling/resolve.ts';
import { readOlder, requiresOf } from './bundling/since.ts';
import { evidenceOf } from './bundling/subset-evidence.ts';
import type { Dropped } from './confirm.ts';
import { type Context, withScratch } from './context.ts';
import { crowdAt } from './fetching/crowd.ts';
import { threadSettings } from './fetching/protocol.ts';
import { SharedFetch } from './fetching/shared-fetch.ts';
import { chosen, type ImagesOptions, networkOf, searchChosen, warnUnmatched } from './images.ts';
import { removeAhead, tellAhead } from './inside/ahead.ts';
import { insidePlaces } from './inside/inside-places.ts';
import { beside, type Inside } from './inside/listed.ts';
import type { OperatorsOfChart } from './inside/subject.ts';
import type { WrittenScan } from './inside/written-scan.ts';
import { connect, type RegistryAccess } from './registry.ts';
import type { AskedHost } from './search/nested-hosts.ts';

export interface PackOptions extends ResolveOptions {
  readonly out: string;
  readonly access: RegistryAccess;
  /** Replaces an existing file at `out`. */
  readonly force: boolean;
  /** Bytes of each part of a split bundle. */
  readonly splitSize?: number | undefined;
  /** Key that signs the inventory. */
  readonly sign?: SigningKey | undefined;
  /** Blobs read at the same time from distant registries; at least `concurrency`. */
  readonly farConcurrency: number;
  /** Paths of earlier bundles, whose blobs are copied instead of fetched. */
  readonly reuse: readonly string[];
  /** Stops before anything is written. */
  readonly dryRun: boolean;
  /** Path of the base bundle of a delta, whose image blobs are left out. */
  readonly since?: string;
  /** Makes it an error if referrers cannot be listed or read. */
  readonly requireReferrers: boolean;
  /** Public keys, by one of which every image must have a cosign signature. Empty: no verification. */
  readonly verifySignatures: readonly KeyObject[];
}

export interface BundleOptions extends ImagesOptions, PackOptions {}

export interface BundleResult extends Omit<WriteResult, 'status'> {
  /** `planned`: dry run. */
  readonly status: WriteResult['status'] | 'planned';
  /** Estimate before the first blob was read. */
  readonly estimate: Estimate;
  readonly lock: Lock;
  /** Candidates that do not exist in their registries and are not bundled. */
  readonly dropped: readonly Dropped[];
  /** Candidates with confidence `possible`, which are not bundled. */
  readonly possible: readonly string[];
  /** Registries whose referrers could not all be read; absent if there are none. */
  readonly unanswered?: readonly UnansweredImages[];
  /** Images found only by the operator image scan, which are not bundled. */
  readonly inside?: Inside;
  /** Contacted chart hosts that only charts refer to; absent if there are none. */
  readonly askedHosts?: readonly AskedHost[];
}

/**
 * Runs `work` with a temporary folder, holding the run lock of the output file.
 * @throws AirgapError `output-exists` if another run is writing it
 */
export async function writingAlone<R>(
  context: Context,
  { out, dryRun }: Pick<PackOptions, 'out' | 'dryRun'>,
  work: (scratch: string) => Promise<R>,
): Promise<R> {
  await checkOutput(out, '--out');
  return dryRun ? withScratch(context, work) : withRunLock(out, () => withScratch(context, work));
}

/** Discovers, resolves, pulls, and writes the bundle. `out` appears only when it is complete. */
export function bundle(context: Context, options: BundleOptions): Promise<BundleResult> {
  return writingAlone(context, options, async (scratch) => {
    const { lookInside, ...unlooked } = options;
    const searching = { ...unlooked, operators: lookInside !== undefined, recipes: true };
    const { charts: searched, failures: missing, excluded, asked } = await searchChosen(context, searching, scratch);
    if (missing.length > 0) throw combine(missing, `${missing.length} nested charts could not be searched`);
    const choose = (more: readonly PlaceFound[]): Chosen => chosen([...searched, { places: more }], options, excluded);
    const { findings } = choose([]);
    if (searched.length === 0 && findings.length === 0) {
      throw new AirgapError('usage', 'there is nothing to bundle', { hint: 'give a chart, --image or --images' });
    }
    const network = networkOf(searched, options);
    const contents = { charts: searched, choose, network };
    const hosts = asked.length === 0 ? {} : { askedHosts: asked };
    if (lookInside === undefined) return { ...(await pack(context, options, contents)), ...hosts };
    if (!lookInside.include)
      return { ...(await pack(context, options, { ...contents, operators: searched })), ...hosts };
    const [{ lookFirst }, { wanted }] = await Promise.all([
      import('./inside/look-first.ts'),
      import('./inside/subject.ts'),
    ]);
    const { images, ahead } = await lookFirst(context, options, wanted(searched, findings), scratch);
    const inside = insidePlaces(images, true);
    const all = { ...contents, choose: (more: readonly PlaceFound[]) => choose([...inside, ...more]) };
    const reuse = ahead === undefined ? options.reuse : [...options.reuse, ahead.path];
    const result = await pack(context, { ...options, reuse }, all).catch(async (error) => {
      await tellAhead(options.out, context.emit);
      throw error;
    });
    if (images.length === 0) return { ...result, ...hosts };
    const fetched = ahead?.fetched ?? 0;
    const bytes = { fetched: result.fetched + fetched, reused: Math.max(0, result.reused - fetched) };
    return { ...result, ...bytes, ...hosts, inside: beside(result.lock, choose(inside).findings, images) };
  });
}

/** Charts and images to bundle. */
export interface Contents {
  readonly charts: readonly PackedChart[];
  /** Returns the selected findings, including references found while resolving. */
  readonly choose: (more: readonly PlaceFound[]) => Chosen;
  /** Internet access of workloads other than images. */
  readonly network: readonly NetworkNeed[];
  /** Locked digests of tagged references. */
  readonly pins?: ReadonlyMap<string, Digest>;
  /** Charts whose operator images are scanned while they are written. */
  readonly operators?: readonly OperatorsOfChart[];
}

/**
 * Resolves, estimates, pulls, and writes the bundle.
 * @throws AirgapError `no-space` with needed and free bytes, before anything is written; errors of the steps
 */
export async function pack(
  context: Context,
  options: PackOptions,
  { charts, choose, network, pins = new Map(), operators = [] }: Contents,
): Promise<BundleResult> {
  // First, because it throws for invalid options, and no bundle must be open then.
  const { client } = connect(context, options.access);
  const earlier = await EarlierBundles.open(options.reuse, context.emit, options.out);
  let scan: WrittenScan | undefined;
  try {
    const { platforms, concurrency, since } = options;
    const { emit, signal } = context;
    const older = since === undefined ? undefined : await readOlder(since, concurrency, signal);
    const locked = pinned(client, pins);
    const asked: AskedSource = {
      manifest: (repository, tagOrDigest) => locked.manifest(repository, tagOrDigest),
      head: (repository, tagOrDigest) => locked.head(repository, tagOrDigest),
      referrers: (repository, subject) => locked.referrers(repository, subject),
      blob: (repository, descriptor) => earlier.small(descriptor, locked.blob(repository, descriptor)),
    };
    const questions = new ReferrerQuestions();
    const { graph, findings, choices, dropped, possible, leftOut } = await resolveImages(
      context,
      asked,
      choose,
      options,
      questions,
    );
    warnUnmatched(context, choices);
    const keys = options.verifySignatures;
    if (keys.length > 0) {
      const source = { source: client, knowsSource: async () => true, leftOut, unanswered: questions.unanswered() };
      await requireSignatures({ graph, ...source, keys, concurrency, emit, signal });
    }
    const moving = findings.map(({ reference }) => reference).filter((reference) => !pins.has(reference));
    warn(emit, network, moving);
    warnLeftOut(emit, leftOut);
    tellForeign(emit, graph);
    const steps = { referrers: options.referrers, questions, concurrency, emit, signal };
    const artifacts = await Promise.all(charts.map((chart) => artifactOf(chart, client, steps)));
    const gone = dropped.map(({ reference }) => reference);
    const all = gone.length === 0 ? choices : [...choices, { rule: 'dropped' as const, references: gone }];
    const delta = older && requiresOf(older, graph, artifacts);
    const lock = { ...lockOf({ charts, artifacts, findings, graph, leftOut, platforms, choices: all }), ...delta };
    const { out: path, force, splitSize } = options;
    const evidence = await evidenceOf({ graph, leftOut, source: client, questions, concurrency, emit, signal });
    const unanswered = tellUnanswered(emit, questions.unanswered(), options.requireReferrers);
    const signature = options.sign && (await signatureOver(lock, options.sign, path, evidence));
    const content = { path, splitSize, graph, charts: artifacts, lock, evidence, signature, force };
    const plan = await planBundle(content);
    const without = { dropped, possible, ...unanswered };
    const cost = estimate({ plan, graph, charts: charts.length, earlier, quotas: client.quotas() });
    if (!plan.isThere) emit({ type: 'estimate', estimate: cost });
    if (cost.free < cost.needed) throw noSpace(path, cost.needed, cost.free);
    if (options.dryRun && !plan.isThere) {
      const { size, blobs, fetched, reused, resumed } = cost;
      return {
        status: 'planned',
        path,
        size,
        blobs,
        fetched,
        reused,
        resumed,
        estimate: cost,
        lock,
        ...without,
      };
    }
    const crowd = crowdAt(client.distance(), { near: concurrency, far: options.farConcurrency });
    const writing = { ...content, source: client, earlier, concurrency: crowd, emit, signal };
    const shared = SharedFetch.for(graph, client, threadSettings(context, options.access), emit);
    // Loads the scan code only for charts with operators.
    if (operators.some((chart) => chart.operators.length > 0)) {
      const looking = { charts: operators, client, concurrency };
      scan = await (await import('./inside/written-scan.ts')).WrittenScan.for(context, graph, looking);
    }
    const result = await writeBundle({ ...writing, fetch: shared.fetch, watch: scan }, plan).finally(() =>
      shared.close(),
    );
    await removeAhead(path);
    const looked = (await scan?.finish()) ?? [];
    const written = { ...result, estimate: cost, lock, ...without };
    if (looked.length === 0) return written;
    return { ...written, inside: beside(lock, choose(insidePlaces(looked, false)).findings, looked) };
  } finally {
    await scan?.close();
    await earlier.close();
    await client.close();
  }
}
