import type { FilePlaces } from '../../bundle/files/random-file.ts';
import type { BlobPlace } from '../../bundle/hashing.ts';
import type { Digest } from '../../oci/digest.ts';

/** What a thread that hashes is started with. */
export interface HashThreadData {
  readonly places: FilePlaces;
}

/** Blobs to be hashed, one after the other. */
export type ToHashThread = readonly BlobPlace[];

/** `bytes`: so many more have been read. `damaged`: all blobs of the message are done, and these are not what they should be. */
export type FromHashThread =
  | { readonly type: 'bytes'; readonly bytes: number }
  | { readonly type: 'damaged'; readonly digests: readonly Digest[] };
