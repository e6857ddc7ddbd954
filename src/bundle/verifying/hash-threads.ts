import { Thread } from '../../base/thread.ts';
import type { Digest } from '../../oci/digest.ts';
import type { FileParts } from '../files/random-file.ts';
import type { BlobHasher, BlobOffset } from './hashing.ts';

/**
 * Bytes per additional thread. A thread costs about 40 ms of processor time and 15 MB of memory; hashing this much
 * takes a tenth of a second.
 */
const BYTES_PER_THREAD = 128 * 1024 * 1024;

/** Maximum number of threads: disks deliver no more than a few threads can hash. */
const MAX_THREADS = 4;

/**
 * Returns how many threads are worthwhile in addition to the main one. A blob is hashed sequentially by one thread, so
 * the largest blob cannot be shared.
 */
export function hashThreadCount(blobs: Iterable<{ readonly size: number }>, cores: number): number {
  const sizes = [...blobs].map(({ size }) => size);
  const shared = sizes.reduce((sum, size) => sum + size, 0) - sizes.reduce((most, size) => Math.max(most, size), 0);
  return Math.max(0, Math.min(cores - 1, MAX_THREADS - 1, Math.floor(shared / BYTES_PER_THREAD)));
}

/** Thread that opens the bundle itself and hashes its blobs. */
export class HashThread implements BlobHasher {
  readonly #thread: Thread<ToHashThread, FromHashThread>;
  #job: PromiseWithResolvers<readonly Digest[] | undefined> | undefined;
  #onProgress: (bytes: number) => void = () => {};

  constructor(bundleFile: FileParts) {
    const workerData: HashThreadData = { bundleFile };
    this.#thread = new Thread(
      { beside: import.meta.url, source: './hash-thread.ts', built: './hash-thread.cjs' },
      {
        onMessage: (message: FromHashThread) => this.#receive(message),
        onLost: () => this.#job?.resolve(undefined),
      },
      { workerData },
    );
  }

  findDamaged(
    blobs: readonly BlobOffset[],
    onProgress: (bytes: number) => void,
  ): Promise<readonly Digest[] | undefined> {
    if (this.#thread.isLost) return Promise.resolve(undefined);
    this.#onProgress = onProgress;
    this.#job = Promise.withResolvers();
    this.#thread.send(blobs);
    return this.#job.promise;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #receive(message: FromHashThread): void {
    if (message.type === 'bytes') this.#onProgress(message.bytes);
    else this.#job?.resolve(message.digests);
  }
}

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
