import type { Lock } from './lock.ts';

/** What a delta leaves out; whoever gets it must have that already. */
export interface Delta {
  /** Digest of the older bundle's lock manifest. */
  readonly since: string;
  readonly blobs: number;
  readonly bytes: number;
}

/** Undefined for a whole bundle. */
export function deltaOf({ since, requires = [] }: Pick<Lock, 'since' | 'requires'>): Delta | undefined {
  if (since === undefined) return undefined;
  return { since, blobs: requires.length, bytes: requires.reduce((sum, { size }) => sum + size, 0) };
}
