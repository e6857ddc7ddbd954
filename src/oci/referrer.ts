import type { Descriptor } from './descriptor.ts';
import { algorithmOf, type Digest, encodedOf } from './digest.ts';
import { type Content, closureOf } from './graph.ts';
import type { Links } from './manifest.ts';
import { formatRepository, type Repository } from './reference.ts';

/**
 * A manifest that belongs to another one in its repository: by its `subject` field (OCI image specification 1.1), or by
 * cosign's tag, which has the other's digest in it.
 */
export interface Referrer {
  readonly repository: Repository;
  /** Digest of the manifest that it belongs to. */
  readonly subject: Digest;
  /** Media type, digest and size of the referrer itself. */
  readonly descriptor: Descriptor;
  /** What it is: `artifactType`, else the media type of its config; empty where only its tag is known. */
  readonly artifactType: string;
  /** Of one that only its tag ties to its subject: `sha256-<hex>.sig`, `.att` or `.sbom`. */
  readonly tag?: string;
}

/** What cosign ties to an image by a tag (github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md): signature, attestations, SBOM. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'] as const;

/** What a tag may be long (distribution specification 1.1, "Pulling manifests"). */
const TAG_LIMIT = 128;

/**
 * The tag under which a registry without the referrers API keeps the list of a manifest's referrers (distribution
 * specification 1.1, "Referrers Tag Schema"): at most 32 characters of the algorithm and 64 of the digest.
 */
export function referrersTag(subject: Digest): string {
  return `${algorithmOf(subject).slice(0, 32)}-${encodedOf(subject).slice(0, 64)}`;
}

/** Cosign's tags for a manifest; none where they would be too long. */
export function cosignTags(subject: Digest): readonly string[] {
  const tags = COSIGN_SUFFIXES.map((suffix) => `${algorithmOf(subject)}-${encodedOf(subject)}.${suffix}`);
  return tags.filter((tag) => tag.length <= TAG_LIMIT);
}

/** What a manifest is, as the listing of its subject's referrers says it. */
export function artifactTypeOf({ artifactType, config }: Pick<Links, 'artifactType' | 'config'>): string {
  return artifactType || (config?.mediaType ?? '');
}

/** What people call it. */
export function referrerKind({ artifactType, tag }: Pick<Referrer, 'artifactType' | 'tag'>): string {
  if (tag?.endsWith('.sig')) return 'signature';
  if (tag?.endsWith('.att')) return 'attestation';
  if (tag?.endsWith('.sbom')) return 'SBOM';
  return artifactType === '' ? 'referrer' : artifactType;
}

/** Two are the same when they tie the same content to the same manifest in the same way. */
export function referrerKey({ repository, subject, descriptor, tag = '' }: Referrer): string {
  return `${formatRepository(repository)} ${subject} ${tag} ${descriptor.digest}`;
}

/** A fixed order, so that equal content gives equal bytes. */
export function sortReferrers(referrers: Iterable<Referrer>): Referrer[] {
  const byKey = new Map([...referrers].map((referrer) => [referrerKey(referrer), referrer]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, referrer]) => referrer);
}

/** What belongs to any of these images and charts, each once and in a fixed order. */
export function referrersOf(
  { manifests, referrers = [] }: Parameters<typeof referrersUnder>[0],
  owners: Iterable<{ readonly repository: Repository; readonly digest: Digest }>,
): Referrer[] {
  const byRepository = Map.groupBy(referrers, ({ repository }) => formatRepository(repository));
  return sortReferrers(
    [...owners].flatMap(({ repository, digest }) => {
      const own = byRepository.get(formatRepository(repository));
      return own === undefined ? [] : referrersUnder({ manifests, referrers: own }, repository, digest);
    }),
  );
}

/** What belongs to a manifest in its repository, to anything below it, and to those in turn. */
export function referrersUnder(
  content: Pick<Content, 'manifests'> & { readonly referrers?: readonly Referrer[] },
  repository: Repository,
  digest: Digest,
): Referrer[] {
  const name = formatRepository(repository);
  const own = (content.referrers ?? []).filter((one) => formatRepository(one.repository) === name);
  const bySubject = Map.groupBy(own, ({ subject }) => subject);
  const found: Referrer[] = [];
  const subjects = new Set<Digest>([digest, ...closureOf(content, digest).manifests]);
  // What is added while it goes on is gone through as well.
  for (const subject of subjects) {
    for (const referrer of bySubject.get(subject) ?? []) {
      found.push(referrer);
      const { digest: at } = referrer.descriptor;
      for (const below of [at, ...closureOf(content, at).manifests]) subjects.add(below);
    }
  }
  return sortReferrers(found);
}
