import manifest from '../../../package.json' with { type: 'json' };
import type { ChartArtifact } from '../../bundle/format/chart-artifact.ts';
import type { Finding } from '../../inventory/finding.ts';
import type {
  Inventory,
  InventoryChart,
  InventoryImage,
  InventoryReferrer,
  MissingImage,
} from '../../inventory/inventory.ts';
import type { MissingFinding } from '../../inventory/missing-images.ts';
import { type FoundNetworkNeed, networkRecord } from '../../inventory/network.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { valuesOriginOf } from '../../inventory/values-origin.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import { closureOf, closureSize, type Graph, ReferrerIndex, type Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatPlatform, isAttestationPlatform, type Platform } from '../../oci/platform.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import type { SearchedChart } from '../../search/search-result.ts';

/** A chart to be bundled, either searched or from a lock file. */
export interface PackedChart extends Pick<SearchedChart, 'chart' | 'profiles'> {
  /** Parent chart, for a chart that was not requested by name. */
  readonly via?: { readonly chart: string };
  /** Recipes that compose its references from values, by profile; undefined if it was not searched. */
  readonly recipes?: SearchedChart['recipes'];
}

/** Content of a bundle, from which the inventory is created. */
export interface InventoryInput {
  readonly charts: readonly PackedChart[];
  /** Artifacts of the charts, in the same order. */
  readonly artifacts: readonly ChartArtifact[];
  readonly findings: readonly Finding[];
  /** Graph that has all findings among its roots. */
  readonly graph: Graph;
  /** Referrers of indexes that the platform selection replaced. */
  readonly leftOut: readonly Referrer[];
  /** Selected platforms; empty: all. */
  readonly platforms: readonly Platform[];
  readonly selections: readonly SelectionRecord[];
  /** References of images that are incomplete at the target. */
  readonly incomplete?: ReadonlySet<string> | undefined;
  /** Internet access of workloads other than images; undefined if nothing was searched. */
  readonly network?: readonly FoundNetworkNeed[] | undefined;
  /** Images that are only listed. */
  readonly possible?: readonly Finding[];
  /** What was not understood. */
  readonly notKnown?: readonly NotKnown[] | undefined;
  /** Images that do not exist. */
  readonly missing?: readonly MissingFinding[];
}

/** Creates the inventory of a bundle: charts in the given order, images as they were resolved. */
export function createInventory({
  charts: packedCharts,
  artifacts,
  findings,
  graph,
  leftOut,
  platforms,
  selections,
  incomplete,
  network,
  possible = [],
  missing = [],
  notKnown = [],
}: InventoryInput): Inventory {
  const charts = packedCharts.map(({ chart, profiles, via, recipes }, i): InventoryChart => {
    const { name, version } = chart.metadata;
    const { descriptor, referrers = [] } = artifacts[i] as ChartArtifact;
    // Unknown for charts that were not searched; the options of nested charts refer to temporary files.
    const isKnown = recipes !== undefined && via === undefined;
    const bundledProfiles = profiles.map(({ name, options }) => ({
      name,
      kubeVersion: options.kubeVersion,
      ...(options.apiVersions?.length ? { apiVersions: [...options.apiVersions] } : {}),
      ...(isKnown ? { given: valuesOriginOf(options) } : {}),
      ...(recipes?.has(name) ? { recipes: [...(recipes.get(name) ?? [])] } : {}),
    }));
    return {
      name,
      version,
      source: chart.source,
      digest: descriptor.digest,
      parent: via?.chart,
      profiles: bundledProfiles,
      ...referrerList(referrers),
    };
  });
  const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
  const index = new ReferrerIndex(graph);
  const images = findings.map((finding) => ({
    ...inventoryImage(finding, roots.get(finding.reference) as Root, graph, index, leftOut),
    ...(incomplete?.has(finding.reference) ? { incomplete: true as const } : {}),
  }));
  return {
    apiVersion: 'airgap/v1',
    kind: 'Lock',
    schemaVersion: 1,
    platforms: platforms.map(formatPlatform),
    charts,
    images,
    ...(selections.length === 0 ? {} : { choices: structuredClone(selections) as SelectionRecord[] }),
    madeBy: manifest.version,
    ...(network && { network: networkRecord(network) }),
    ...(possible.length === 0
      ? {}
      : { possible: possible.map(({ reference, found }) => ({ reference, found: locations(found) })) }),
    ...(notKnown.length > 0 && { notKnown: [...notKnown] }),
    ...(missing.length > 0 && {
      missing: missing.map((image): MissingImage => ({ ...image, found: locations(image.found) })),
    }),
  };
}

function locations(found: Finding['found']): InventoryImage['found'] {
  return found.map((location) => structuredClone(location) as InventoryImage['found'][number]);
}

function inventoryImage(
  finding: Finding,
  root: Root,
  graph: Graph,
  index: ReferrerIndex,
  leftOut: readonly Referrer[],
): InventoryImage {
  const { descriptor, sourceDigest } = root;
  const name = formatRepository(root.reference);
  const leftOutReferrers = leftOut.filter(
    ({ repository, subject }) => subject === sourceDigest && formatRepository(repository) === name,
  );
  const { reference, confidence, need, found } = finding;
  return {
    reference,
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    sourceDigest,
    platforms: platformsOf(graph, descriptor.digest),
    bytes: closureSize(graph, descriptor.digest),
    confidence,
    need,
    found: locations(found),
    ...referrerList(index.transitive(root.reference, descriptor.digest), leftOutReferrers),
  };
}

/** Returns the referrers field; empty for most images. */
function referrerList(
  bundled: readonly Referrer[],
  leftOut: readonly Referrer[] = [],
): { readonly referrers?: InventoryReferrer[] } {
  const entry = ({ descriptor: { digest }, subject, artifactType, tag }: Referrer): InventoryReferrer => ({
    digest,
    subject,
    artifactType,
    tag,
  });
  const list = [...bundled.map(entry), ...leftOut.map((referrer) => ({ ...entry(referrer), leftOut: true as const }))];
  return list.length === 0 ? {} : { referrers: list };
}

/** Returns the platforms listed by the indexes below a root; empty for a single manifest. */
export function platformsOf(graph: Graph, digest: Root['descriptor']['digest']): string[] {
  const names = new Set<string>();
  for (const manifestDigest of closureOf(graph, digest).manifests) {
    const node = graph.manifests.get(manifestDigest);
    if (node === undefined || !isIndexType(node.descriptor.mediaType)) continue;
    for (const { platform } of parseManifest(node.descriptor.mediaType, node.bytes).manifests) {
      if (platform !== undefined && !isAttestationPlatform(platform)) names.add(formatPlatform(platform));
    }
  }
  return [...names].sort();
}
