import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../oci/graph.ts';
import { isAttestation } from '../oci/platform.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';

/** A manifest in a repository. */
export interface ManifestAt {
  readonly repository: Repository;
  readonly digest: Digest;
}

/** A manifest whose referrers are requested. */
export interface ReferrerQuery extends ManifestAt {
  /** `list`: referrers API only. `all`: cosign's tags and the referrers tag too, at one request each. */
  readonly effort: 'list' | 'all';
}

export function queryOf(
  { registry, path }: Repository,
  digest: Digest,
  effort: ReferrerQuery['effort'],
): ReferrerQuery {
  return { repository: { registry, path }, digest, effort };
}

/** `REGISTRY/PATH@DIGEST`. */
export function manifestName({ repository, digest }: ManifestAt): string {
  return `${formatRepository(repository)}@${digest}`;
}

/** Returns the subject of a referrer. */
export function subjectOf({ repository, subject }: Referrer): ManifestAt {
  return { repository, digest: subject };
}

/**
 * Returns manifests below an index that may have signatures of their own: images and nested indexes, no attestations.
 */
export function imagesBelow(graph: Graph, { descriptor }: Root): Digest[] {
  const below = closureOf(graph, descriptor.digest).manifests.filter((at) => at !== descriptor.digest);
  const nodes = [...below, descriptor.digest].flatMap((at) => graph.manifests.get(at)?.children ?? []);
  const attestations = new Set(nodes.filter(({ platform }) => isAttestation(platform)).map(({ digest }) => digest));
  return below.filter((at) => !attestations.has(at));
}
