import { basename } from 'node:path';
import type { Estimate } from '../../base/events.ts';
import { collectGarbage } from '../../base/large-runs.ts';
import { checkOutput } from '../../base/output-file.ts';
import { printableLine } from '../../base/printable.ts';
import { withRunLock } from '../../base/run-lock.ts';
import { runStep } from '../../base/step.ts';
import { reuseOrSignInventory } from '../../bundle/signing/signature.ts';
import { planBundle, type WriteResult, writeBundle } from '../../bundle/write.ts';
import { EarlierBundles } from '../../bundle/writing/earlier-bundles.ts';
import { removePrefetched } from '../../bundle/writing/prefetched.ts';
import { noSpace } from '../../bundle/writing/preflight.ts';
import type { ToolFile } from '../../bundle/writing/tool-files.ts';
import type { ImageCounts } from '../../inventory/image-counts.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import type { MissingFinding } from '../../inventory/missing-images.ts';
import { digestOf } from '../../oci/digest.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import type { ChartOperators, OperatorScan, OperatorScanReport } from '../../operator-scan/index.ts';
import type { AskedHost } from '../../search/nested-hosts.ts';
import { connect, type RegistryUse } from '../../session/connect.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import type { ReferrerOptions, ResolveOptions } from '../images/resolve.ts';
import { type IncompleteReferrersReport, noteEquivalents, reportIncompleteReferrers } from './bundle-warnings.ts';
import { deltaFields, readBaseBundle } from './delta.ts';
import { estimate } from './estimate.ts';
import { concurrencyFor, threadSettings } from './fetch-protocol.ts';
import { createInventory } from './inventory.ts';
import { withKeptMaker } from './kept-maker.ts';
import { type ContentInput, resolveContent } from './resolve-content.ts';
import { SharedFetch } from './shared-fetch.ts';
import { subsetEvidence } from './subset-evidence.ts';
import { toolFields } from './tools/tools.ts';

export interface PackOptions extends ResolveOptions, ReferrerOptions, RegistryUse {
  readonly out: string;
  /** Replaces an existing file at `out`. */
  readonly force: boolean;
  /** Bytes of each part of a split bundle. */
  readonly splitSize?: number | undefined;
  /** Sigstore's trusted root, byte for byte, for the isolated side to verify keyless signatures with. */
  readonly trustedRoot?: Uint8Array | undefined;
  /** Key that signs the inventory. */
  readonly sign?: SigningKey | undefined;
  /** Blobs read at the same time from distant registries; at least `concurrency`. */
  readonly farConcurrency: number;
  /** Paths of earlier bundles, whose blobs are copied instead of fetched. */
  readonly reuse: readonly string[];
  /** Stops before anything is written. */
  readonly dryRun: boolean;
  /** Programs and archives for the receiver; none without it. */
  readonly tools?: readonly ToolFile[];
  /** Path of the base bundle of a delta, whose image blobs are left out. */
  readonly since?: string;
}

export interface BundleResult extends Omit<WriteResult, 'status'> {
  /** `planned`: dry run. */
  readonly status: WriteResult['status'] | 'planned';
  /** Estimate before the first blob was read. */
  readonly estimate: Estimate;
  readonly lock: Inventory;
  /** Images that are needed and do not exist in their registries. */
  readonly missing: readonly MissingFinding[];
  /** Candidates with confidence `possible`, which are not bundled. */
  readonly possible: readonly string[];
  readonly counts: ImageCounts;
  /** Registries whose referrers could not all be read; absent if there are none. */
  readonly unanswered?: readonly IncompleteReferrersReport[];
  /** Images found only by the operator image scan, which are not bundled. */
  readonly inside?: OperatorScanReport;
  /** Contacted chart hosts that only charts refer to; absent if there are none. */
  readonly askedHosts?: readonly AskedHost[];
  /** Images whose tags the target has with other content, which a push has to replace; only for a list of missing images. */
  readonly overwrites?: readonly string[];
}

/**
 * Runs `work` with a temporary folder, holding the run lock of the output file.
 * @throws AirgapError `output-exists` if another run is writing it
 */
export async function withExclusiveOutput<R>(
  context: Context,
  { out, dryRun }: Pick<PackOptions, 'out' | 'dryRun'>,
  work: (scratch: string) => Promise<R>,
): Promise<R> {
  await checkOutput(out, '--out');
  return dryRun ? withScratch(context, work) : withRunLock(out, () => withScratch(context, work));
}

/** Charts and images to bundle. */
export interface BundleInput extends ContentInput {
  /** References of images that are incomplete at the target: a delta omits nothing of them. */
  readonly incomplete?: ReadonlySet<string>;
  /** Charts whose operator images are scanned while they are written. */
  readonly operators?: readonly ChartOperators[];
}

/**
 * Resolves, estimates, pulls, and writes the bundle.
 * @throws AirgapError `no-space` with needed and free bytes, before anything is written; errors of the steps
 */
export async function pack(
  context: Context,
  options: PackOptions,
  { incomplete, operators = [], ...input }: BundleInput,
): Promise<BundleResult> {
  const { charts, select } = input;
  // First, because it throws for invalid options, and no bundle must be open then.
  const { client } = connect(context, options.access);
  const earlier = await EarlierBundles.open(options.reuse, context.emit, options.out);
  let scan: OperatorScan | undefined;
  try {
    const { platforms, concurrency, since, tools = [] } = options;
    const { emit, signal } = context;
    const baseBundle = since === undefined ? undefined : await readBaseBundle(since, concurrency, context);
    const requests = new ReferrerRequests();
    const content = await resolveContent(context, client, { ...options, earlier }, input, requests);
    // Of the search, of reading manifests, and of looking for referrers.
    collectGarbage();
    noteEquivalents(emit, client.equivalentUse());
    const { graph, findings, selections, missing, possible, counts, leftOut, artifacts } = content;
    const delta = baseBundle && deltaFields(baseBundle, graph, artifacts, incomplete);
    const created = {
      ...createInventory({
        charts,
        artifacts,
        findings,
        graph,
        leftOut,
        platforms,
        selections,
        incomplete,
        network: input.network,
        possible,
        missing,
        notKnown: input.notKnown,
      }),
      ...(options.trustedRoot && { trustedRoot: digestOf(options.trustedRoot) }),
      ...delta,
      ...toolFields(tools),
    };
    const { out: path, force, splitSize } = options;
    const evidence = [
      ...(await subsetEvidence({ graph, leftOut, source: client, requests, concurrency, emit, signal })),
      ...(options.trustedRoot ? [options.trustedRoot] : []),
    ];
    const inventory = await withKeptMaker(created, evidence, path);
    const unanswered = reportIncompleteReferrers(emit, requests.incomplete(), options.requireReferrers);
    const signatures = options.sign && (await reuseOrSignInventory(inventory, options.sign, path, evidence));
    const planned = { path, splitSize, graph, charts: artifacts, inventory, evidence, signatures, tools, force };
    const plan = await runStep(emit, `planning ${printableLine(basename(path))}`, () => planBundle(planned));
    const notBundled = {
      missing,
      possible: possible.map(({ reference }) => reference),
      counts,
      ...unanswered,
    };
    const estimated = estimate({ plan, graph, charts: charts.length, earlier, quotas: client.quotas() });
    if (!plan.isUpToDate) emit({ type: 'estimate', estimate: estimated });
    if (estimated.free < estimated.needed) throw noSpace(path, estimated.needed, estimated.free);
    if (options.dryRun && !plan.isUpToDate) {
      const { size, blobs, fetched, reused, resumed } = estimated;
      return {
        status: 'planned',
        path,
        size,
        blobs,
        fetched,
        reused,
        resumed,
        estimate: estimated,
        lock: inventory,
        ...notBundled,
      };
    }
    const connections = concurrencyFor(client.roundTripTime(), { near: concurrency, far: options.farConcurrency });
    const writeOptions = {
      ...planned,
      sign: options.sign,
      source: client,
      earlier,
      concurrency: connections,
      emit,
      signal,
    };
    const shared = SharedFetch.for(graph, client, threadSettings(context, options.access), emit);
    const isScanned = operators.some((chart) => chart.operators.length > 0);
    const scanCode = isScanned ? await import('../../operator-scan/index.ts') : undefined;
    scan = await scanCode?.OperatorScan.for(context, graph, { charts: operators, client, concurrency });
    const result = await writeBundle({ ...writeOptions, fetch: shared.fetch, watch: scan }, plan).finally(() =>
      shared.close(),
    );
    await removePrefetched(path);
    const written = { ...result, estimate: estimated, lock: inventory, ...notBundled };
    const scanned = (await scan?.finish()) ?? [];
    if (scanCode === undefined || scanned.length === 0) return written;
    const { findings: withScanned } = select(scanCode.scannedReferences(scanned, false));
    return { ...written, inside: scanCode.scanReportFor(inventory, withScanned, scanned) };
  } finally {
    await scan?.close();
    await earlier.close();
    await client.close();
  }
}
