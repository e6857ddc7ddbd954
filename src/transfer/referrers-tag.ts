import { AirgapError } from '../base/errors.ts';
import type { ManifestContent, Sink, Source } from '../oci/content.ts';
import { type Descriptor, isIndexType, MediaType } from '../oci/descriptor.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { artifactTypeOf, referrersTag } from '../oci/referrer.ts';

/** Content of the referrers tag of a manifest (distribution specification 1.1, "Referrers Tag Schema"). */
export interface ReferrersTag {
  readonly digest: Digest;
  /** The tag resolves to the subject itself: GitLab reads `sha256-<hex>` as a digest, so an index there is no list. */
  readonly isSubject: boolean;
  /** Entries of the list; undefined when the tag does not hold an index. */
  readonly entries?: readonly Descriptor[];
}

/** Reads the referrers tag of a manifest; undefined when it does not exist. @throws AirgapError of the requests */
export async function readReferrersTag(
  registry: Pick<Sink, 'hasManifest'> & Pick<Source, 'manifest'>,
  repository: Repository,
  subject: Digest,
): Promise<ReferrersTag | undefined> {
  const digest = await registry.hasManifest(repository, referrersTag(subject));
  if (digest === undefined) return undefined;
  if (digest === subject) return { digest, isSubject: true };
  const { descriptor, bytes } = await registry.manifest(repository, digest);
  if (!isIndexType(descriptor.mediaType)) return { digest, isSubject: false };
  return { digest, isSubject: false, entries: parseManifest(descriptor.mediaType, bytes).manifests };
}

/**
 * Adds manifests to the list under the referrers tag of their subject, as clients have to where a registry has no
 * referrers API (distribution specification 1.1, "Pushing Manifests with Subject"). Existing entries stay, without
 * duplicates. Entries whose manifest no longer exists are removed, because registries reject a list that contains them.
 * @param sent manifests that have been pushed to the repository
 * @returns digest of the list, and whether it changed
 * @throws AirgapError `registry` when the tag holds no index, `unsupported` when it resolves to the subject itself
 */
export async function updateReferrersTag(
  sink: Sink & Source,
  repository: Repository,
  subject: Digest,
  sent: readonly ManifestContent[],
): Promise<{ readonly digest: Digest; readonly changed: boolean }> {
  const tag = referrersTag(subject);
  const name = `${formatRepository(repository)}:${tag}`;
  const existing = await readReferrersTag(sink, repository, subject);
  if (existing?.isSubject) {
    // The children of an index would become entries of the list, and GitLab rejects a push to this tag.
    throw new AirgapError('unsupported', `${name} resolves to the image itself, so it cannot hold a referrers list`, {
      hint: 'use a registry with the referrers API, or one that supports referrers tags',
    });
  }
  if (existing !== undefined && existing.entries === undefined) {
    throw new AirgapError('registry', `${name} is not an index and cannot list referrers of ${subject}`, {
      hint: 'delete this tag in the target and push again',
    });
  }
  const entries = existing?.entries ?? [];
  const known = new Set(entries.map(({ digest }) => digest));
  const added = sent.filter(({ descriptor }) => !known.has(descriptor.digest)).map(listEntry);
  if (existing !== undefined && added.length === 0) return { digest: existing.digest, changed: false };
  const present = await Promise.all(entries.map(({ digest }) => sink.hasManifest(repository, digest)));
  const manifests = [...entries.filter((_, index) => present[index] !== undefined), ...added];
  const list = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
  const bytes = Buffer.from(JSON.stringify(list));
  const descriptor = { mediaType: MediaType.ociIndex, digest: digestOf(bytes), size: bytes.length };
  await sink.putManifest(repository, { descriptor, bytes }, tag);
  return { digest: descriptor.digest, changed: true };
}

/** Returns the list entry of a manifest, with its artifact type and annotations, by which clients filter the list. */
function listEntry({ descriptor: { mediaType, digest, size }, bytes }: ManifestContent): Descriptor {
  const links = parseManifest(mediaType, bytes);
  const artifactType = artifactTypeOf(links);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === '' ? {} : { artifactType }),
    ...(Object.keys(links.annotations).length === 0 ? {} : { annotations: links.annotations }),
  };
}
