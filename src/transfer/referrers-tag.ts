import { AirgapError } from '../base/errors.ts';
import type { ManifestContent, Sink, Source } from '../oci/content.ts';
import { type Descriptor, isIndexType, MediaType } from '../oci/descriptor.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { readLinks } from '../oci/manifest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { artifactTypeOf, referrersTag } from '../oci/referrer.ts';

/** What the referrers tag of a manifest names (distribution specification 1.1, "Referrers Tag Schema"). */
export interface ReferrersTag {
  readonly digest: Digest;
  /** The tag names the manifest itself: GitLab reads `sha256-<hex>` as the digest, and an index there is no list. */
  readonly isSubject: boolean;
  /** Entries of the list; undefined for what is no index, and no list. */
  readonly entries?: readonly Descriptor[];
}

/** Reads the referrers tag of a manifest; undefined when there is none. @throws AirgapError what the registry fails of */
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
  return { digest, isSubject: false, entries: readLinks(descriptor.mediaType, bytes).manifests };
}

/**
 * Lists manifests under the tag of their subject, as clients have to where a registry has no referrers API (distribution
 * specification 1.1, "Pushing Manifests with Subject"): what the list has already stays, and nothing is in it twice. What
 * it names and is gone does not: registries refuse a list that names it.
 * @param sent manifests that are in the repository by now
 * @returns digest of the list, and whether it is another one now
 * @throws AirgapError `registry` when the tag names something that is no list, `unsupported` when it names the subject
 */
export async function updateReferrersTag(
  sink: Sink & Source,
  repository: Repository,
  subject: Digest,
  sent: readonly ManifestContent[],
): Promise<{ readonly digest: Digest; readonly changed: boolean }> {
  const tag = referrersTag(subject);
  const name = `${formatRepository(repository)}:${tag}`;
  const there = await readReferrersTag(sink, repository, subject);
  if (there?.isSubject) {
    // The children of an index would become entries of the list, and GitLab refuses what is written there.
    throw new AirgapError('unsupported', `${name} names the image itself, so no list can be kept there`, {
      hint: 'use a registry with the referrers API, or one that keeps such a tag for the list',
    });
  }
  if (there !== undefined && there.entries === undefined) {
    throw new AirgapError('registry', `${name} should list what belongs to ${subject}, and is no index`, {
      hint: 'delete that tag in the target and push again',
    });
  }
  const listed = there?.entries ?? [];
  const known = new Set(listed.map(({ digest }) => digest));
  const added = sent.filter(({ descriptor }) => !known.has(descriptor.digest)).map(entryOf);
  if (there !== undefined && added.length === 0) return { digest: there.digest, changed: false };
  const kept = await Promise.all(listed.map(({ digest }) => sink.hasManifest(repository, digest)));
  const manifests = [...listed.filter((_, at) => kept[at] !== undefined), ...added];
  const list = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
  const bytes = Buffer.from(JSON.stringify(list));
  const descriptor = { mediaType: MediaType.ociIndex, digest: digestOf(bytes), size: bytes.length };
  await sink.putManifest(repository, { descriptor, bytes }, tag);
  return { digest: descriptor.digest, changed: true };
}

/** With the manifest's own type and annotations, by which readers of the list choose. */
function entryOf({ descriptor: { mediaType, digest, size }, bytes }: ManifestContent): Descriptor {
  const links = readLinks(mediaType, bytes);
  const artifactType = artifactTypeOf(links);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === '' ? {} : { artifactType }),
    ...(Object.keys(links.annotations).length === 0 ? {} : { annotations: links.annotations }),
  };
}
