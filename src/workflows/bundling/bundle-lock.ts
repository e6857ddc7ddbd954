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

/** A chart that goes into a bundle, whether it was searched or comes from a lock file. */
export interface PackedChart extends Pick<SearchedChart, 'chart' | 'profiles'> {
  /** What brings it along, for one that was not asked for by name. */
  readonly via?: { readonly chart: string };
  /** How its references are put together from values, by profile; not known of one that was not searched. */
  readonly recipes?: SearchedChart['recipes'];
}

/** What goes into a bundle. */
export interface Bundled {
  readonly charts: readonly PackedChart[];
  /** Of the charts, in their order. */
  readonly artifacts: readonly ChartArtifact[];
  readonly findings: readonly Finding[];
  /** With all findings among its roots. */
  readonly graph: Graph;
  /** What belongs to indexes that a choice of platforms made others of. */
  readonly leftOut: readonly Referrer[];
  /** Wanted platforms; empty: all. */
  readonly platforms: readonly Platform[];
  readonly choices: readonly Choice[];
}

/** The lock of a bundle: charts in the order given, images as they were resolved. */
export function lockOf({ charts: packed, artifacts, findings, graph, leftOut, platforms, choices }: Bundled): Lock {
  const charts = packed.map(({ chart, profiles, via, recipes }, i): LockChart => {
    const { name, version } = chart.metadata;
    const { descriptor, referrers = [] } = artifacts[i] as ChartArtifact;
    // Of a chart that was not searched the options are not known, those of one that others bring along are files of ours.
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

/** Nothing where there is none, as for most images. */
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

/** Platforms that the indexes under a root name; a single manifest names none. */
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
