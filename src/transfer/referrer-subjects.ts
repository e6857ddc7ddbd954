import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../oci/graph.ts';
import { isAttestationPlatform } from '../oci/platform.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';

/** A manifest in a repository. */
export interface ManifestReference {
  readonly repository: Repository;
  readonly digest: Digest;
}

/** A manifest whose referrers are requested. */
export interface ReferrerQuery extends ManifestReference {
  /** `list`: referrers API only. `all`: cosign's tags and the referrers tag too, at one request each. */
  readonly scope: 'list' | 'all';
}

export function referrerQuery(
  { registry, path }: Repository,
  digest: Digest,
  scope: ReferrerQuery['scope'],
): ReferrerQuery {
  return { repository: { registry, path }, digest, scope };
}

/** `REGISTRY/PATH@DIGEST`. */
export function manifestName({ repository, digest }: ManifestReference): string {
  return `${formatRepository(repository)}@${digest}`;
}

/** Returns the subject of a referrer. */
export function subjectOf({ repository, subject }: Referrer): ManifestReference {
  return { repository, digest: subject };
}

/**
 * Returns manifests below an index that may have signatures of their own: images and nested indexes, no attestations.
 */
export function imagesBelow(graph: Graph, { descriptor }: Root): Digest[] {
  const descendants = closureOf(graph, descriptor.digest).manifests.filter((digest) => digest !== descriptor.digest);
  const children = [...descendants, descriptor.digest].flatMap((digest) => graph.manifests.get(digest)?.children ?? []);
  const attestations = new Set(
    children.filter(({ platform }) => isAttestationPlatform(platform)).map(({ digest }) => digest),
  );
  return descendants.filter((digest) => !attestations.has(digest));
}
