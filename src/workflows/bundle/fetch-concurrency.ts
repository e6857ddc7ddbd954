/** Number of blobs read at the same time. */
export interface ConcurrencyRange {
  /** For nearby registries, where more connections do not help. */
  readonly near: number;
  /** For distant registries, where latency dominates. At least `near`. */
  readonly far: number;
}

/** Latency in milliseconds up to which `near` connections are enough, measured with 500 blobs of 340 kB. */
const NEAR_LATENCY = 40;

/**
 * Returns the number of blobs to read at the same time, proportional to the latency (in milliseconds) between the two
 * limits. More connections hide latency: 64 take 0.85 of the time of 32 at 80 ms, and 0.7 at 150 ms.
 */
export function concurrencyFor(latency: number, { near, far }: ConcurrencyRange): number {
  return Math.max(near, Math.min(far, Math.round((near * latency) / NEAR_LATENCY)));
}
