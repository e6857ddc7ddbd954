import type { Digest } from '../../oci/digest.ts';
import type { FileParts } from '../files/random-file.ts';
import type { BlobOffset } from './hashing.ts';

/** Data with which a hash thread starts. */
export interface HashThreadData {
  readonly bundleFile: FileParts;
}

/** Batch of blobs to hash in order. */
export type ToHashThread = readonly BlobOffset[];

/** `bytes`: bytes read since the last message. `damaged`: the batch is done; lists blobs with a wrong digest. */
export type FromHashThread =
  | { readonly type: 'bytes'; readonly bytes: number }
  | { readonly type: 'damaged'; readonly digests: readonly Digest[] };
