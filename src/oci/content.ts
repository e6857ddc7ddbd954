import type { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import type { Repository } from './reference.ts';

/**
 * Source of content: a registry, a bundle, or a chart artifact in memory. Copying code depends only on `Source` and
 * `Sink`.
 */
export interface Source {
  /**
   * Returns a manifest or index by tag or digest: its bytes exactly as stored, verified against its digest.
   * @throws AirgapError `image-not-found`, `unauthorized`, `forbidden`, `digest-mismatch`, `unsupported` (schema 1)
   */
  manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent>;
  /** Returns the body of a blob. Nothing is fetched until it is opened. */
  blob(repository: Repository, descriptor: Descriptor): Body;
}

/** Source that also supports HEAD requests and referrers. */
export interface RegistrySource extends Source {
  /**
   * Returns the descriptor for a tag or digest without fetching the manifest; undefined when it does not exist.
   * @throws AirgapError `unauthorized`, `forbidden`, `registry`, `network`
   */
  head(repository: Repository, tagOrDigest: string): Promise<Descriptor | undefined>;
  /**
   * Lists the referrers of a manifest; undefined when the registry has no referrers API.
   * @throws AirgapError `registry`, `network`
   */
  referrers(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined>;
}

/** Returns a source with other methods in place of some; the rest are those of `source`, called on it. */
export function withSource(source: RegistrySource, changes: Partial<RegistrySource>): RegistrySource;
export function withSource(source: Source, changes: Partial<Source>): Source;
export function withSource(source: Source, changes: Partial<RegistrySource>): Source {
  // Of a source without them, the type hides the last two.
  const registry = source as RegistrySource;
  return {
    manifest: (repository, tagOrDigest) => registry.manifest(repository, tagOrDigest),
    blob: (repository, descriptor) => registry.blob(repository, descriptor),
    head: (repository, tagOrDigest) => registry.head(repository, tagOrDigest),
    referrers: (repository, subject) => registry.referrers(repository, subject),
    ...changes,
  } satisfies RegistrySource;
}

/** A manifest with its exact bytes; `descriptor` describes those. */
export interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Content that can be opened repeatedly, so that a retry can start over and an interrupted download can resume.
 * The reader verifies the digest; `open` does not.
 */
export interface Body {
  /** Total bytes, from the descriptor. */
  readonly size: number;
  /**
   * Opens the content at `offset` (bytes, default 0). A source that cannot start there fails instead of starting at 0.
   * @param end where to stop, in bytes; a source that cannot stop there throws AirgapError `unsupported` or ignores it
   */
  open(offset?: number, signal?: AbortSignal, end?: number): Promise<Readable>;
  /**
   * Says that the bytes read so far are not those of the descriptor: a source with several places reads from others next.
   * @returns whether there are others
   */
  reject?(): boolean;
}

/**
 * Blobs that a registry can mount from another repository: only those `named` by a manifest there, or `any`. With
 * `self-mount`, mounting a blob from its own repository also reports whether the blob exists, and opens an upload if
 * it does not.
 */
export type MountSupport = 'named' | 'any' | 'self-mount';

export interface PutBlobOptions {
  /** A repository of the same sink to mount the blob from. May be the target repository itself. */
  readonly mountFrom?: Repository | undefined;
  /** Spends one request to find out whether mounts report existing blobs. The blob must not be there. */
  readonly probeMountSupport?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Destination of content. All operations are idempotent: existing content is not sent again. */
export interface Sink {
  /** Reports whether the repository has the blob. */
  hasBlob(repository: Repository, descriptor: Descriptor): Promise<boolean>;
  /** Returns which of the blobs the repository has, in few requests; undefined if each needs a request of its own. */
  hasBlobs?(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest>> | undefined;
  /** Returns which blobs can be mounted. A sink without this method mounts `named` blobs only. */
  mountSupport?(repository: Repository): MountSupport;
  /**
   * Stores a blob.
   * @returns how it was stored; `present` only if it was mounted from its own repository
   * @throws AirgapError `digest-mismatch` if the body does not match the descriptor
   */
  putBlob(
    repository: Repository,
    descriptor: Descriptor,
    body: Body,
    options?: PutBlobOptions,
  ): Promise<'stored' | 'mounted' | 'present'>;
  /** Returns the digest of a tag or manifest; undefined if it does not exist. */
  hasManifest(repository: Repository, tagOrDigest: string): Promise<Digest | undefined>;
  /** Returns all tags of a repository; undefined if the list is not available in full. */
  listTags?(repository: Repository): Promise<ReadonlySet<string> | undefined>;
  /** Stores a manifest by digest, and under `tag` if given. Its blobs and children must exist. */
  putManifest(repository: Repository, content: ManifestContent, tag?: string): Promise<void>;
}
