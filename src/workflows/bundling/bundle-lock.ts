import type { ChartArtifact } from '../../bundle/chart-artifact.ts';
import type { Choice } from '../../lock/choice.ts';
import type { Finding } from '../../lock/finding.ts';
import type { Lock, LockChart, LockImage } from '../../lock/lock.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import { bytesOf, closureOf, type Graph, type Root } from '../../oci/graph.ts';
import { readLinks } from '../../oci/manifest.ts';
import { formatPlatform, isAttestation, type Platform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
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
  /** Wanted platforms; empty: all. */
  readonly platforms: readonly Platform[];
  readonly choices: readonly Choice[];
}

/** The lock of a bundle: charts in the order given, images as they were resolved. */
export function lockOf({ charts: packed, artifacts, findings, graph, platforms, choices }: Bundled): Lock {
  const charts = packed.map(({ chart, profiles, via, recipes }, i): LockChart => {
    const { name, version } = chart.metadata;
    const digest = (artifacts[i] as ChartArtifact).descriptor.digest;
    const listed = profiles.map(({ name, options: { kubeVersion, apiVersions = [] } }) => ({
      name,
      ...(kubeVersion === undefined ? {} : { kubeVersion }),
      ...(apiVersions.length === 0 ? {} : { apiVersions: [...apiVersions] }),
      ...(recipes?.has(name) ? { recipes: [...(recipes.get(name) ?? [])] } : {}),
    }));
    const parent = via === undefined ? {} : { parent: via.chart };
    return { name, version, source: chart.source, digest, ...parent, profiles: listed };
  });
  const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
  const images = findings.map((finding) => imageOf(finding, roots.get(finding.reference) as Root, graph));
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

function imageOf(finding: Finding, { descriptor, sourceDigest }: Root, graph: Graph): LockImage {
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
  };
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
