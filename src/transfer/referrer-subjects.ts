import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../oci/graph.ts';
import { isAttestation } from '../oci/platform.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';

/** One manifest to be asked for. */
export interface Subject {
  readonly repository: Repository;
  readonly digest: Digest;
  /** `list`: only what a registry's API lists; `all`: cosign's tags and the referrers' tag as well, a question each. */
  readonly effort: 'list' | 'all';
}

export function subjectOf({ registry, path }: Repository, digest: Digest, effort: Subject['effort']): Subject {
  return { repository: { registry, path }, digest, effort };
}

/** `REGISTRY/PATH@DIGEST`. */
export function keyOf({ repository, digest }: Pick<Subject, 'repository' | 'digest'>): string {
  return `${formatRepository(repository)}@${digest}`;
}

/** What a referrer belongs to. */
export function subjectIn({ repository, subject }: Referrer): Pick<Subject, 'repository' | 'digest'> {
  return { repository, digest: subject };
}

/** What is below an index and may be signed of itself: images and further indexes, no attestations. */
export function imagesBelow(graph: Graph, { descriptor }: Root): Digest[] {
  const below = closureOf(graph, descriptor.digest).manifests.filter((at) => at !== descriptor.digest);
  const nodes = [...below, descriptor.digest].flatMap((at) => graph.manifests.get(at)?.children ?? []);
  const attestations = new Set(nodes.filter(({ platform }) => isAttestation(platform)).map(({ digest }) => digest));
  return below.filter((at) => !attestations.has(at));
}
