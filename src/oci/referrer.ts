import type { Descriptor } from './descriptor.ts';
import { algorithmOf, type Digest, encodedOf } from './digest.ts';
import type { ParsedManifest } from './manifest.ts';
import { formatRepository, type Repository } from './reference.ts';

/**
 * A manifest that refers to another one in the same repository: through its `subject` field (OCI image specification
 * 1.1) or through a cosign tag that contains the subject's digest.
 */
export interface Referrer {
  readonly repository: Repository;
  /** Digest of the manifest that it refers to. */
  readonly subject: Digest;
  /** Media type, digest and size of the referrer itself. */
  readonly descriptor: Descriptor;
  /** Its `artifactType`, else the media type of its config; empty if only its tag is known. */
  readonly artifactType: string;
  /** Cosign tag `sha256-<hex>.sig`, `.att` or `.sbom`, if there is no `subject` field. */
  readonly tag?: string;
}

/** Suffixes of cosign tags (github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md): signatures, attestations, SBOMs. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'] as const;

/** Maximum length of a tag (distribution specification 1.1, "Pulling manifests"). */
const MAX_TAG_LENGTH = 128;

/**
 * Returns the tag of a manifest's referrers list in registries without the referrers API (distribution specification
 * 1.1, "Referrers Tag Schema"): at most 32 characters of the algorithm and 64 of the digest.
 */
export function referrersTag(subject: Digest): string {
  return `${algorithmOf(subject).slice(0, 32)}-${encodedOf(subject).slice(0, 64)}`;
}

/** Returns the cosign tags of a manifest, without those that would be too long. */
export function cosignTags(subject: Digest): readonly string[] {
  const tags = COSIGN_SUFFIXES.map((suffix) => `${algorithmOf(subject)}-${encodedOf(subject)}.${suffix}`);
  return tags.filter((tag) => tag.length <= MAX_TAG_LENGTH);
}

/** Reports whether a tag is one that cosign gives signatures, attestations and SBOMs, or that of a referrers list. */
export function isReferrerTag(tag: string): boolean {
  return /^sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{64,128})(?:\.(?:sig|att|sbom))?$/.test(tag);
}

/** Returns the SHA-256 digest that such a tag is about; undefined for other tags. Those of SHA-512 are shortened. */
export function subjectOfTag(tag: string): Digest | undefined {
  const hex = isReferrerTag(tag) ? /^sha256-([0-9a-f]{64})/.exec(tag)?.[1] : undefined;
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** Returns the artifact type that a referrers list shows for a manifest. */
export function artifactTypeOf({ artifactType, config }: Pick<ParsedManifest, 'artifactType' | 'config'>): string {
  return artifactType || (config?.mediaType ?? '');
}

/** Returns the kind of a referrer for users: signature, attestation, SBOM, or its artifact type. */
export function referrerKind({ artifactType, tag }: Pick<Referrer, 'artifactType' | 'tag'>): string {
  if (tag?.endsWith('.sig')) return 'signature';
  if (tag?.endsWith('.att')) return 'attestation';
  if (tag?.endsWith('.sbom')) return 'SBOM';
  return artifactType === '' ? 'referrer' : artifactType;
}

/** Returns a key that is equal for referrers with the same repository, subject, tag and digest. */
export function referrerKey({ repository, subject, descriptor, tag = '' }: Referrer): string {
  return `${formatRepository(repository)} ${subject} ${tag} ${descriptor.digest}`;
}

/** Removes duplicates and sorts, so that equal content is written as equal bytes. */
export function sortReferrers(referrers: Iterable<Referrer>): Referrer[] {
  const byKey = new Map([...referrers].map((referrer) => [referrerKey(referrer), referrer]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, referrer]) => referrer);
}
