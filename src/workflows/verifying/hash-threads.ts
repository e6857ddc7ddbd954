import { Worker } from 'node:worker_threads';
import type { FilePlaces } from '../../bundle/files/random-file.ts';
import type { BlobHasher, BlobPlace } from '../../bundle/hashing.ts';
import type { Digest } from '../../oci/digest.ts';
import type { FromHashThread, HashThreadData, ToHashThread } from './protocol.ts';

/**
 * Bytes for which one more thread pays. It costs some 40 ms of processor time and 15 MB; a processor hashes so much in
 * a tenth of a second.
 */
const WORTHWHILE = 128 * 1024 * 1024;

/** Threads at most: a disk gives no more than a few of them can hash. */
const MOST = 4;

/**
 * How many threads pay beside the main one. One blob is hashed from its beginning to its end by one of them, so what the
 * largest has cannot be shared out.
 */
export function worthwhileThreads(blobs: Iterable<{ readonly size: number }>, cores: number): number {
  const sizes = [...blobs].map(({ size }) => size);
  const shared = sizes.reduce((sum, size) => sum + size, 0) - sizes.reduce((most, size) => Math.max(most, size), 0);
  return Math.max(0, Math.min(cores - 1, MOST - 1, Math.floor(shared / WORTHWHILE)));
}

/** A thread that opens the bundle for itself and hashes blobs of it. */
export class HashThread implements BlobHasher {
  readonly #worker: Worker;
  #job: PromiseWithResolvers<readonly Digest[] | undefined> | undefined;
  #told: (bytes: number) => void = () => {};
  #isLost = false;

  constructor(places: FilePlaces) {
    // The build makes a file of each thread; the sources are as many as they are.
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './hash-thread.cjs';
    const workerData: HashThreadData = { places };
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData });
    this.#worker.on('message', (message: FromHashThread) => this.#receive(message));
    this.#worker.on('error', () => this.#lose());
    this.#worker.on('exit', () => this.#lose());
  }

  damaged(blobs: readonly BlobPlace[], told: (bytes: number) => void): Promise<readonly Digest[] | undefined> {
    if (this.#isLost) return Promise.resolve(undefined);
    this.#told = told;
    this.#job = Promise.withResolvers();
    this.#worker.postMessage(blobs satisfies ToHashThread);
    return this.#job.promise;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #receive(message: FromHashThread): void {
    if (message.type === 'bytes') this.#told(message.bytes);
    else this.#job?.resolve(message.digests);
  }

  #lose(): void {
    this.#isLost = true;
    this.#job?.resolve(undefined);
  }
}
