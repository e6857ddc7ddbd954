import type { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import type { Repository } from './reference.ts';

/**
 * The seam between everything that holds content. A registry, a bundle and a chart artifact made in memory are all
 * sources; a registry and a bundle being written are sinks. Whoever copies knows only these two.
 */
export interface Source {
  /**
   * A manifest or index by tag or digest, its bytes exactly as stored and its digest verified against them.
   * @throws AirgapError `image-not-found`, `unauthorized`, `forbidden`, `digest-mismatch`, `unsupported` (schema 1)
   */
  manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent>;
  /** A blob's body. Nothing is fetched until it is opened. */
  blob(repository: Repository, descriptor: Descriptor): Body;
}

/** A manifest with its exact bytes; `descriptor` describes those. */
export interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Content that can be read again: a factory, so that a retry starts over and an interrupted download continues.
 * Whoever reads to the end verifies the digest; `open` itself does not.
 */
export interface Body {
  /** Bytes in all, from the descriptor. */
  readonly size: number;
  /**
   * Opens the content from `offset` (bytes, default 0). A source that cannot start there gives an error, not the start.
   * @param end where to stop; a source that cannot stop there throws AirgapError `unsupported`, or takes no notice
   */
  open(offset?: number, signal?: AbortSignal, end?: number): Promise<Readable>;
}

/**
 * What a registry mounts: only what a manifest of the other repository `named`; `any` blob; and where that has been tried,
 * a mount of a blob from its own repository `tells` whether it is there, and opens the upload if it is not.
 */
export type Mounting = 'named' | 'any' | 'tells';

export interface PutBlobOptions {
  /** A repository of the same sink that has the blob, to try a mount first. It may be the blob's own. */
  readonly mountFrom?: Repository | undefined;
  /** It is worth a request to find out whether mounts tell what is there, and the blob is not there. */
  readonly learn?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Where content goes. Everything is idempotent: what is there already is not sent again. */
export interface Sink {
  /** Whether the blob is in the repository already. */
  hasBlob(repository: Repository, descriptor: Descriptor): Promise<boolean>;
  /** Which of many blobs are in the repository, with fewer questions; undefined where each has to be asked for. */
  hasBlobs?(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest>> | undefined;
  /** What a mount can be used for; left out, `named`. */
  mounting?(repository: Repository): Mounting;
  /**
   * Stores a blob.
   * @returns how it got there; `present` only of one that is mounted from its own repository
   * @throws AirgapError `digest-mismatch` when what the body gave is not what the descriptor says
   */
  putBlob(
    repository: Repository,
    descriptor: Descriptor,
    body: Body,
    options?: PutBlobOptions,
  ): Promise<'stored' | 'mounted' | 'present'>;
  /** Digest behind a tag or of a manifest digest, undefined when it is not there. */
  hasManifest(repository: Repository, tagOrDigest: string): Promise<Digest | undefined>;
  /** All tags of a repository; undefined where the list cannot be had whole. */
  listTags?(repository: Repository): Promise<ReadonlySet<string> | undefined>;
  /** Stores a manifest by its digest, and under `tag` as well when one is given. Its blobs and children are there. */
  putManifest(repository: Repository, content: ManifestContent, tag?: string): Promise<void>;
}
