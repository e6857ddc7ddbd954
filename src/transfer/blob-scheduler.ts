import type { Outcome } from '../base/pool.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/** Size from which the transfer of a blob, rather than its request, dominates the cost. */
const LARGE_BLOB = 4 * 1024 * 1024;

/** Maximum number of concurrent large blobs. More would only share the bandwidth, and each holds buffers. */
const MAX_LARGE_BLOBS = 8;

/** Reports whether the cost of transferring a blob is dominated by its size. */
export function isLargeBlob({ size }: Pick<Descriptor, 'size'>): boolean {
  return size >= LARGE_BLOB;
}

/** One object for all blobs, of which there may be a hundred thousand. */
const DONE: Outcome<void> = { value: undefined };

/** A blob to transfer. */
export interface ScheduledBlob {
  readonly descriptor: Descriptor;
  /** Other work waits for this blob: it is scheduled before others of its size class. */
  readonly isAwaited?: boolean | undefined;
}

/**
 * Runs `work` on all blobs, `limit` at a time, even if some fail. At most half of the workers, and at most
 * MAX_LARGE_BLOBS, take large blobs, largest first, so that no large blob is left for the end; the others take small
 * ones.
 */
export async function scheduleBlobs<T extends ScheduledBlob>(
  blobs: readonly T[],
  limit: number,
  work: (blob: T) => Promise<void>,
): Promise<Outcome<void>[]> {
  const outcomes: Outcome<void>[] = [];
  const byUrgency = (a: T, b: T): number => Number(b.isAwaited ?? false) - Number(a.isAwaited ?? false);
  const largeBlobs = blobs.filter(({ descriptor }) => isLargeBlob(descriptor));
  largeBlobs.sort((a, b) => byUrgency(a, b) || b.descriptor.size - a.descriptor.size);
  const smallQueue = blobs
    .filter(({ descriptor }) => !isLargeBlob(descriptor))
    .sort(byUrgency)
    [Symbol.iterator]();
  const largeQueue = largeBlobs[Symbol.iterator]();
  const drainQueue = async (blobQueue: Iterable<T>): Promise<void> => {
    for (const blob of blobQueue) {
      try {
        await work(blob);
        outcomes.push(DONE);
      } catch (error) {
        outcomes.push({ error });
      }
    }
  };
  const maxLarge = Math.min(MAX_LARGE_BLOBS, Math.ceil(limit / 2));
  const startWorker = async (worker: number): Promise<void> => {
    if (worker < maxLarge) await drainQueue(largeQueue);
    await drainQueue(smallQueue);
  };
  // `limit || 1`: a NaN limit would start no workers.
  await Promise.all(
    Array.from({ length: Math.max(1, Math.min(limit || 1, blobs.length)) }, (_, worker) => startWorker(worker)),
  );
  return outcomes;
}
