import type { ManifestContent } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';

/** A blob that is read from a file when it is asked for. */
export interface ServedBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /**
   * Fills the buffer from a position of the blob.
   * @returns bytes read; fewer than the buffer has only at the end of the blob or of a truncated file
   */
  read(buffer: Uint8Array, position: number): number | Promise<number>;
}

/** One repository, with all that belongs to it. A name that it does not have cannot be read through it. */
export interface ServedRepository {
  readonly tags: ReadonlyMap<string, ManifestContent>;
  readonly manifests: ReadonlyMap<string, ManifestContent>;
  readonly blobs: ReadonlyMap<string, ServedBlob>;
  /** Entries of the lists of referrers, by the digest of their subject. */
  readonly referrers: ReadonlyMap<string, readonly Descriptor[]>;
}

/** Repositories by name. Requests only look names up here: no name of a request becomes the path of a file. */
export type ServedContent = ReadonlyMap<string, ServedRepository>;
