/** How many blobs are read at the same time. */
export interface Crowd {
  /** From registries that answer at once: there more would only take turns. */
  readonly near: number;
  /** From registries so far away that most of the time is spent on the way. At least as many as `near`. */
  readonly far: number;
}

/** Milliseconds for an answer up to which a registry is near. Measured with 500 blobs of 340 kB: `near` is enough up to it. */
const NEAR = 40;

/**
 * How many for a registry that takes so many milliseconds for an answer, in proportion between the two: the connections
 * that are waited on hide the way, and 64 of them take 0.85 of the time of 32 at 80 ms, 0.7 at 150 ms.
 */
export function crowdAt(distance: number, { near, far }: Crowd): number {
  return Math.max(near, Math.min(far, Math.round((near * distance) / NEAR)));
}
