import type { Outcome } from '../base/pool.ts';
import type { Descriptor } from './descriptor.ts';

/** Size from which the transfer of a blob, rather than its request, dominates the cost. */
const LARGE = 4 * 1024 * 1024;

/** Maximum number of concurrent large blobs. More would only share the bandwidth, and each holds buffers. */
const LARGE_AT_ONCE = 8;

/** Reports whether the cost of transferring a blob is dominated by its size. */
export function isLarge({ size }: Pick<Descriptor, 'size'>): boolean {
  return size >= LARGE;
}

/** A blob to transfer. */
export interface Moved {
  readonly descriptor: Descriptor;
  /** Other work waits for this blob: it is scheduled before others of its size class. */
  readonly isAwaited?: boolean | undefined;
}

/**
 * Runs `work` on all blobs, `limit` at a time, even if some fail. At most half of the workers, and at most
 * MAX_LARGE_BLOBS, take large blobs, largest first, so that no large blob is left for the end; the others take small
 * ones.
 */
export async function settleLanes<T extends Moved>(
  blobs: readonly T[],
  limit: number,
  work: (blob: T) => Promise<void>,
): Promise<Outcome<void>[]> {
  const outcomes: Outcome<void>[] = [];
  const urgency = (a: T, b: T): number => Number(b.isAwaited ?? false) - Number(a.isAwaited ?? false);
  const large = blobs.filter(({ descriptor }) => isLarge(descriptor));
  large.sort((a, b) => urgency(a, b) || b.descriptor.size - a.descriptor.size);
  const small = blobs
    .filter(({ descriptor }) => !isLarge(descriptor))
    .sort(urgency)
    [Symbol.iterator]();
  const queue = large[Symbol.iterator]();
  const run = async (lane: Iterable<T>): Promise<void> => {
    for (const blob of lane) {
      try {
        outcomes.push({ value: await work(blob) });
      } catch (error) {
        outcomes.push({ error });
      }
    }
  };
  const most = Math.min(LARGE_AT_ONCE, Math.ceil(limit / 2));
  const runner = async (at: number): Promise<void> => {
    if (at < most) await run(queue);
    await run(small);
  };
  // `limit || 1`: a NaN limit would start no workers.
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit || 1, blobs.length)) }, (_, at) => runner(at)));
  return outcomes;
}
