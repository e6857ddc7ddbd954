import { AirgapError, asAirgapError } from '../../base/errors.ts';
import { pool } from '../../base/pool.ts';
import type { EcrImages } from '../../ecr/images.ts';
import type { ManifestContent, RegistrySource } from '../../oci/content.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import { referrersTag } from '../../oci/referrer.ts';
import { throwIfAborted } from '../../transfer/wrap-error.ts';
import { attachedPrefix, type RepositoryContent, type StoredManifest } from './content.ts';

/** What is asked about a repository. */
export interface RepositorySource {
  readonly client: Pick<RegistrySource, 'manifest' | 'referrers'> & {
    /** @throws AirgapError if the list is not complete */
    allTags(repository: Repository): Promise<ReadonlySet<string>>;
  };
  /** ECR's own API, which lists manifests without a tag too. */
  readonly images?: Pick<EcrImages, 'list'>;
  /** Requests at the same time. */
  readonly concurrency: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads what a repository has: every tag, and every manifest that can be reached from one, downwards, by the referrers API, by
 * tags of referrers, and up to subjects. An error is part of the result, since unknown content may need anything.
 * @param further digests to read too, if the repository has them
 * @throws AirgapError `interrupted`
 */
export async function readRepository(
  source: RepositorySource,
  repository: Repository,
  further: Iterable<Digest> = [],
): Promise<RepositoryContent> {
  const reader = new Reader(source, repository);
  try {
    await (source.images === undefined ? reader.readTags() : reader.readImages(source.images));
    await reader.follow(further);
    return reader.content();
  } catch (error) {
    throwIfAborted(source.signal);
    const problem = asAirgapError(error);
    if (problem.code === 'interrupted') throw problem;
    return { ...reader.content(), problem };
  }
}

class Reader {
  readonly #source: RepositorySource;
  readonly #repository: Repository;
  readonly #tags = new Map<string, Digest>();
  readonly #manifests = new Map<Digest, StoredManifest>();
  readonly #pushed = new Map<Digest, string>();
  /** Digests that something refers to and the repository may lack, with whether their own links matter. */
  #open = new Map<Digest, boolean>();
  readonly #absent = new Set<Digest>();

  constructor(source: RepositorySource, repository: Repository) {
    this.#source = source;
    this.#repository = repository;
  }

  content(): RepositoryContent {
    return {
      repository: this.#repository,
      tags: this.#tags,
      manifests: this.#manifests,
      listsUntagged: this.#source.images !== undefined,
    };
  }

  async readTags(): Promise<void> {
    const { client } = this.#source;
    const tags = await client.allTags(this.#repository);
    await this.#each([...tags], async (tag) => {
      const manifest = await client.manifest(this.#repository, tag);
      this.#tags.set(tag, manifest.descriptor.digest);
      this.#add(manifest);
    });
  }

  async readImages(images: Pick<EcrImages, 'list'>): Promise<void> {
    const all = await images.list(this.#repository.path);
    const inactive = all.find(({ isActive }) => !isActive);
    if (inactive !== undefined) {
      throw new AirgapError('registry', 'an archived image cannot be read, so what it needs is unknown', {
        subject: `${this.#name()}@${inactive.digest}`,
      });
    }
    for (const { digest, tags, pushed } of all) {
      for (const tag of tags) this.#tags.set(tag, digest);
      if (pushed !== undefined) this.#pushed.set(digest, pushed);
    }
    await this.#each(all, async ({ digest }) => {
      this.#add(await this.#source.client.manifest(this.#repository, digest));
    });
  }

  /** Reads what the manifests refer to, until nothing is new. */
  async follow(further: Iterable<Digest>): Promise<void> {
    for (const digest of further) this.#want(digest, false);
    const known = new Set([...this.#manifests.keys()].map(referrersTag));
    for (const tag of this.#tags.keys()) {
      const prefix = attachedPrefix(tag);
      const subject = prefix?.startsWith('sha256-') ? prefix.replace('-', ':') : '';
      if (prefix !== undefined && !known.has(prefix) && isDigest(subject)) this.#want(subject, false);
    }
    const asked = new Set<Digest>();
    while (this.#open.size > 0 || asked.size < this.#manifests.size) {
      const open = [...this.#open];
      this.#open = new Map();
      await this.#each(open, ([digest, matters]) => this.#read(digest, matters));
      const unasked = [...this.#manifests.keys()].filter((digest) => !asked.has(digest));
      await this.#each(unasked, async (digest) => {
        asked.add(digest);
        // ECR has listed all manifests already.
        if (this.#source.images !== undefined) return;
        const referrers = await this.#source.client.referrers(this.#repository, digest);
        for (const referrer of referrers ?? []) this.#want(referrer.digest, isIndexType(referrer.mediaType));
      });
    }
  }

  async #read(digest: Digest, matters: boolean): Promise<void> {
    try {
      this.#add(await this.#source.client.manifest(this.#repository, digest));
    } catch (error) {
      if (matters || !(error instanceof AirgapError) || error.code !== 'image-not-found') throw error;
      this.#absent.add(digest);
    }
  }

  #add({ descriptor: { digest, mediaType }, bytes }: ManifestContent): void {
    if (this.#manifests.has(digest)) return;
    const { manifests, blobs, subject } = parseManifest(mediaType, bytes);
    const pushed = this.#pushed.get(digest);
    this.#manifests.set(digest, {
      digest,
      size: bytes.length,
      children: [...new Set(manifests.map((child) => child.digest))],
      blobs: blobs.map((blob) => ({ digest: blob.digest, size: blob.size })),
      ...(subject && { subject: subject.digest }),
      ...(pushed !== undefined && { pushed }),
    });
    // Of a missing index, the children are unknown, and the registry may only be late to show it.
    for (const child of manifests) this.#want(child.digest, isIndexType(child.mediaType));
    if (subject !== undefined) this.#want(subject.digest, false);
  }

  #want(digest: Digest, matters: boolean): void {
    if (this.#manifests.has(digest) || this.#absent.has(digest)) return;
    this.#open.set(digest, matters || (this.#open.get(digest) ?? false));
  }

  async #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const { concurrency, signal } = this.#source;
    await pool(items, concurrency, async (item) => {
      throwIfAborted(signal);
      await work(item);
    });
  }

  #name(): string {
    return formatRepository(this.#repository);
  }
}
