import type { ChartArtifact } from '../../bundle/chart-artifact.ts';
import type { Choice } from '../../lock/choice.ts';
import type { Finding } from '../../lock/finding.ts';
import { givenOf } from '../../lock/given.ts';
import type { Lock, LockChart, LockImage, LockReferrer } from '../../lock/lock.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import { bytesOf, closureOf, type Graph, type Root } from '../../oci/graph.ts';
import { readLinks } from '../../oci/manifest.ts';
import { formatPlatform, isAttestation, type Platform } from '../../oci/platform.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import { type Referrer, referrersUnder } from '../../oci/referrer.ts';
import type { SearchedChart } from '../search/discover.ts';

/** A chart to be bundled, either searched or from a lock file. */
export interface PackedChart extends Pick<SearchedChart, 'chart' | 'profiles'> {
  /** Parent chart, for a chart that was not requested by name. */
  readonly via?: { readonly chart: string };
  /** Recipes that compose its references from values, by profile; undefined if it was not searched. */
  readonly recipes?: SearchedChart['recipes'];
}

/** Content of a bundle, from which the inventory is created. */
export interface Bundled {
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
  readonly choices: readonly Choice[];
}

/** Creates the inventory of a bundle: charts in the given order, images as they were resolved. */
export function lockOf({ charts: packed, artifacts, findings, graph, leftOut, platforms, choices }: Bundled): Lock {
  const charts = packed.map(({ chart, profiles, via, recipes }, i): LockChart => {
    const { name, version } = chart.metadata;
    const { descriptor, referrers = [] } = artifacts[i] as ChartArtifact;
    // Unknown for charts that were not searched; the options of nested charts refer to temporary files.
    const isKnown = recipes !== undefined && via === undefined;
    const listed = profiles.map(({ name, options }) => ({
      name,
      ...(options.kubeVersion === undefined ? {} : { kubeVersion: options.kubeVersion }),
      ...(options.apiVersions?.length ? { apiVersions: [...options.apiVersions] } : {}),
      ...(isKnown ? { given: givenOf(options) } : {}),
      ...(recipes?.has(name) ? { recipes: [...(recipes.get(name) ?? [])] } : {}),
    }));
    const parent = via === undefined ? {} : { parent: via.chart };
    return {
      name,
      version,
      source: chart.source,
      digest: descriptor.digest,
      ...parent,
      profiles: listed,
      ...listOf(referrers),
    };
  });
  const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
  const images = findings.map((finding) => imageOf(finding, roots.get(finding.reference) as Root, graph, leftOut));
  return {
    apiVersion: 'airgap/v1',
    kind: 'Lock',
    schemaVersion: 1,
    platforms: platforms.map(formatPlatform),
    charts,
    images,
    ...(choices.length === 0 ? {} : { choices: structuredClone(choices) as Choice[] }),
  };
}

function imageOf(finding: Finding, root: Root, graph: Graph, leftOut: readonly Referrer[]): LockImage {
  const { descriptor, sourceDigest } = root;
  const name = formatRepository(root.reference);
  const without = leftOut.filter(
    ({ repository, subject }) => subject === sourceDigest && formatRepository(repository) === name,
  );
  const { reference, confidence, need, found } = finding;
  return {
    reference,
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    ...(sourceDigest === undefined ? {} : { sourceDigest }),
    platforms: platformsOf(graph, descriptor.digest),
    bytes: bytesOf(graph, descriptor.digest),
    confidence,
    need,
    found: found.map((place) => structuredClone(place) as LockImage['found'][number]),
    ...listOf(referrersUnder(graph, root.reference, descriptor.digest), without),
  };
}

/** Returns the referrers field; empty for most images. */
function listOf(
  carried: readonly Referrer[],
  leftOut: readonly Referrer[] = [],
): { readonly referrers?: LockReferrer[] } {
  const entry = ({ descriptor: { digest }, subject, artifactType, tag }: Referrer): LockReferrer => ({
    digest,
    subject,
    artifactType,
    ...(tag === undefined ? {} : { tag }),
  });
  const list = [...carried.map(entry), ...leftOut.map((one) => ({ ...entry(one), leftOut: true as const }))];
  return list.length === 0 ? {} : { referrers: list };
}

/** Returns the platforms listed by the indexes below a root; empty for a single manifest. */
function platformsOf(graph: Graph, digest: Root['descriptor']['digest']): string[] {
  const names = new Set<string>();
  for (const at of closureOf(graph, digest).manifests) {
    const node = graph.manifests.get(at);
    if (node === undefined || !isIndexType(node.descriptor.mediaType)) continue;
    for (const { platform } of readLinks(node.descriptor.mediaType, node.bytes).manifests) {
      if (platform !== undefined && !isAttestation(platform)) names.add(formatPlatform(platform));
    }
  }
  return [...names].sort();
}
