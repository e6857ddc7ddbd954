import type { Inventory } from './inventory.ts';

/** Blobs that a delta omits and its receiver must have. */
export interface Delta {
  /** Digest of the older bundle's inventory manifest. */
  readonly since: string;
  readonly blobs: number;
  readonly bytes: number;
}

/** Returns the omitted blobs; undefined for a full bundle. */
export function deltaOf({ since, requires = [] }: Pick<Inventory, 'since' | 'requires'>): Delta | undefined {
  if (since === undefined) return undefined;
  return { since, blobs: requires.length, bytes: requires.reduce((sum, { size }) => sum + size, 0) };
}
