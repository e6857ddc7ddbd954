import { AirgapError, asAirgapError, isPermanentRefusal, isRefusal } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll-until.ts';
import { settleEach } from '../../base/pool.ts';
import type { ManifestContent, RegistrySource, Sink, Source } from '../../oci/content.ts';
import { type Descriptor, isIndexType, MediaType } from '../../oci/descriptor.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { Graph, ManifestNode } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import { artifactTypeOf, referrersTag } from '../../oci/referrer.ts';

/**
 * Ways in which a registry associates a referrer with its subject: referrers API, referrers tag, or cosign's tag.
 * `unlisted`: only the `subject` field of the referrer itself does.
 */
export const LISTING_METHODS = ['referrers-api', 'fallback-tag', 'cosign-tag', 'unlisted'] as const;
export type ListingMethod = (typeof LISTING_METHODS)[number];

/**
 * Returns digests of the referrers that a registry lists for a manifest: by its referrers API, or by the referrers tag
 * if it has none (distribution specification 1.1, "Referrers Tag Schema"). Empty if there is no list.
 * @throws AirgapError of the requests
 */
export async function listedReferrers(
  registry: Pick<Sink, 'hasManifest'> & Pick<RegistrySource, 'manifest' | 'referrers'>,
  repository: Repository,
  subject: Digest,
): Promise<ReadonlySet<Digest>> {
  const listed = await registry.referrers(repository, subject).catch((error: unknown) => {
    if (isDenied(error)) return undefined;
    throw error;
  });
  if (listed !== undefined) return new Set(listed.map(({ digest }) => digest));
  return taggedReferrers(registry, repository, subject);
}

/** Reports whether access was denied. The referrers tag may be readable even so. */
function isDenied(error: unknown): boolean {
  return error instanceof AirgapError && (error.code === 'unauthorized' || error.code === 'forbidden');
}

/** Returns digests listed under the referrers tag of a manifest, without using the referrers API. */
export async function taggedReferrers(
  registry: Pick<Sink, 'hasManifest'> & Pick<RegistrySource, 'manifest'>,
  repository: Repository,
  subject: Digest,
): Promise<ReadonlySet<Digest>> {
  const tag = await readReferrersTag(registry, repository, subject);
  return new Set(tag?.entries?.map(({ digest }) => digest));
}

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
async function updateReferrersTag(
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
export function listEntry({ descriptor: { mediaType, digest, size }, bytes }: ManifestContent): Descriptor {
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

/** Lists of referrers in a target: by its referrers API or, if that does not work, under referrers tags. */
export class TargetLists {
  readonly #sink: Sink & RegistrySource;
  readonly #graph: Pick<Graph, 'manifests'>;
  readonly #request: <T>(send: () => Promise<T>) => Promise<T>;
  /** Registries whose referrers API fails or does not list pushed referrers. */
  readonly #withoutApi = new Set<string>();

  /**
   * @param graph has the manifests of the referrers
   * @param request runs a request within a concurrency limit
   */
  constructor(
    sink: Sink & RegistrySource,
    graph: Pick<Graph, 'manifests'>,
    request: <T>(send: () => Promise<T>) => Promise<T>,
  ) {
    this.#sink = sink;
    this.#graph = graph;
    this.#request = request;
  }

  /** Returns the digests that the registry lists for a manifest; undefined if it has no working referrers API. */
  async read({ registry, path }: Repository, subject: Digest): Promise<ReadonlySet<Digest> | undefined> {
    try {
      const list = await this.#request(async () =>
        this.#withoutApi.has(registry) ? undefined : this.#sink.referrers({ registry, path }, subject),
      );
      return list && new Set(list.map(({ digest }) => digest));
    } catch (error) {
      // A hanging API must not stop the push; an unreachable registry fails at the next request anyway.
      if (!isRefusal(error) && asAirgapError(error).code !== 'network') throw error;
      this.#withoutApi.add(registry);
      return undefined;
    }
  }

  /** Reports whether a repository has a manifest. */
  async holds(repository: Repository, digest: Digest): Promise<boolean> {
    return (await this.#request(() => this.#sink.hasManifest(repository, digest))) === digest;
  }

  /**
   * Lists referrers that the repository holds under the referrers tag, unless the registry lists them. If it refuses
   * that, the referrers exist but are not listed.
   * @param known digests that the registry has listed before; undefined if it has no working referrers API
   * @throws AirgapError `digest-mismatch` if content is lost; errors of the requests
   */
  async add(
    { repository, subject }: { readonly repository: Repository; readonly subject: Digest },
    known: ReadonlySet<Digest> | undefined,
    digests: readonly Digest[],
  ): Promise<{ readonly via: ListingMethod; readonly error?: AirgapError }> {
    const added = known && digests.filter((digest) => !known.has(digest));
    if (added?.length === 0 || (added && (await this.#areListed(repository, subject, added))))
      return { via: 'referrers-api' };
    const via = 'fallback-tag';
    if (digests.length === 0) return { via };
    try {
      const nodes = digests.map((digest) => this.#graph.manifests.get(digest) as ManifestNode);
      const list = await this.#request(() => updateReferrersTag(this.#sink, repository, subject, nodes));
      if (list.changed) await this.#verify(repository, list.digest);
      return { via };
    } catch (error) {
      if (!isPermanentRefusal(error)) throw error;
      return { via: 'unlisted', error };
    }
  }

  /** Reports whether the registry lists pushed referrers. Some return an empty list for every manifest. */
  async #areListed(repository: Repository, subject: Digest, digests: readonly Digest[]): Promise<boolean> {
    if (this.#withoutApi.has(repository.registry)) return false;
    const isComplete = (list: ReadonlySet<Digest> | undefined): boolean =>
      digests.every((digest) => list?.has(digest) ?? false);
    // Keeping a list in addition to the registry's does no harm, so two attempts are enough.
    const list = await pollUntil(() => this.read(repository, subject), isComplete, { attempts: 2 });
    if (isComplete(list)) return true;
    await settleEach(digests, digests.length, (digest) => this.#verify(repository, digest));
    this.#withoutApi.add(repository.registry);
    return false;
  }

  async #verify(repository: Repository, digest: Digest): Promise<void> {
    if (!(await this.holds(repository, digest))) throw lostError(repository, digest);
  }
}

/** Returns the error for a manifest that was pushed and is not there. */
export function lostError(repository: Repository, digest: Digest): AirgapError {
  return new AirgapError('digest-mismatch', `${digest} was pushed but cannot be read back`, {
    hint: `another client writes to ${formatRepository(repository)}, or the registry lost it; push again`,
  });
}
