import { runStep } from '../../base/step.ts';
import type { ChartArtifact } from '../../bundle/format/chart-artifact.ts';
import type { EarlierBundles } from '../../bundle/writing/earlier-bundles.ts';
import type { NetworkNeed } from '../../discovery/network/index.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { withSource } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph } from '../../oci/graph.ts';
import type { RegistryClient } from '../../registry/client.ts';
import type { Context } from '../../session/context.ts';
import { pinnedSource } from '../../transfer/pinned-source.ts';
import type { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { warnUnmatched } from '../images/images.ts';
import {
  type ReferrerOptions,
  type Resolution,
  type ResolveOptions,
  resolveImages,
  type SelectedFindings,
} from '../images/resolve.ts';
import { reportForeignLayers, warnLeftOutReferrers, warnTagsAndNetwork } from './bundle-warnings.ts';
import { createChartArtifact } from './chart-artifacts.ts';
import { requireSourceSignatures } from './image-signatures.ts';
import type { PackedChart } from './inventory.ts';

/** Charts and images to transfer. */
export interface ContentInput {
  readonly charts: readonly PackedChart[];
  /** Returns the selected findings, including references found while resolving. */
  readonly select: (found: readonly LocatedReference[]) => SelectedFindings;
  /** Internet access of workloads other than images; absent if nothing was searched. */
  readonly network?: readonly NetworkNeed[];
  /** What was not understood in charts and manifests. */
  readonly notKnown?: readonly NotKnown[];
  /** Locked digests of tagged references. */
  readonly pins?: ReadonlyMap<string, Digest>;
  /** Hint for a locked digest that does not exist. */
  readonly pinHint?: string;
  /** Throws if what was resolved must not be transferred. */
  readonly checkGraph?: (graph: Graph) => void;
}

export interface ContentOptions extends ResolveOptions, Pick<ReferrerOptions, 'verifySignatures'> {
  /** Earlier bundles, from which small blobs are read. */
  readonly earlier?: EarlierBundles;
}

/** Images and charts to transfer, with everything that their manifests refer to. */
export interface ResolvedContent extends Resolution {
  readonly artifacts: readonly ChartArtifact[];
}

/**
 * Reads all manifests of the images and charts, and verifies the signatures of images.
 * @param requests records images whose referrers could not all be read
 * @throws AirgapError for every image that could not be resolved; `signature`; errors of the registries
 */
export async function resolveContent(
  context: Context,
  client: RegistryClient,
  { earlier, verifySignatures: policy, ...options }: ContentOptions,
  { charts, select, network = [], pins = new Map(), pinHint, checkGraph }: ContentInput,
  requests: ReferrerRequests,
): Promise<ResolvedContent> {
  const { emit, signal } = context;
  const { concurrency, referrers } = options;
  const pinned = pinnedSource(client, pins, pinHint);
  const source =
    earlier === undefined
      ? pinned
      : withSource(pinned, {
          blob: (repository, descriptor) => earlier.smallBlobBody(descriptor, pinned.blob(repository, descriptor)),
        });
  const resolution = await resolveImages(context, source, select, options, requests);
  const { graph, findings, selections, leftOut } = resolution;
  warnUnmatched(context, selections);
  checkGraph?.(graph);
  await requireSourceSignatures({ graph, leftOut, source: client, policy, concurrency, emit, signal }, requests);
  const unpinned = findings.map(({ reference }) => reference).filter((reference) => !pins.has(reference));
  warnTagsAndNetwork(emit, network, unpinned);
  warnLeftOutReferrers(emit, leftOut);
  reportForeignLayers(emit, graph);
  const collectorOptions = { referrers, requests, concurrency, emit, signal };
  const artifacts = await runStep(
    emit,
    'reading charts',
    (advance) =>
      Promise.all(charts.map((chart) => createChartArtifact(chart, client, collectorOptions).finally(advance))),
    charts.length,
  );
  return { ...resolution, artifacts };
}
