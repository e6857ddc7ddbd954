import type { Outcome } from '../base/pool.ts';
import type { Descriptor } from './descriptor.ts';

/** Bytes from which on a blob costs its bytes, and no longer its request. */
const LARGE = 4 * 1024 * 1024;

/** Large blobs at the same time. More only take turns, and each has pieces in flight. */
const LARGE_AT_ONCE = 8;

/** Whether moving a blob takes as long as it is, rather than as long as asking for it. */
export function isLarge({ size }: Pick<Descriptor, 'size'>): boolean {
  return size >= LARGE;
}

/** A blob to be moved. */
export interface Moved {
  readonly descriptor: Descriptor;
  /** Somebody has work to do as soon as it is there: it comes before the others of its kind. */
  readonly isAwaited?: boolean | undefined;
}

/**
 * Runs `work` over blobs, `limit` at a time: some large ones, the largest first, since the last one of them is all that
 * the end waits for; and small ones beside them in the rest of the room. Every blob is tried.
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
  // `Math.max` of what is no number is none either, and then nothing would be tried.
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit || 1, blobs.length)) }, (_, at) => runner(at)));
  return outcomes;
}
