import { createHash } from 'node:crypto';
import { formatRepository, type Repository } from '../../../oci/reference.ts';
import type { Shard } from './selection.ts';

/**
 * Reports whether a repository belongs to a shard. It depends on the name of the repository alone, so that runs on several
 * machines agree without talking to each other, and stays the same when others come or go.
 */
export function isInShard(repository: Repository, shard: Shard): boolean {
  return shardOf(repository, shard.count) === shard.index;
}

/** Returns the shard of a repository, from 0. */
export function shardOf(repository: Repository, count: number): number {
  return createHash('sha256').update(formatRepository(repository)).digest().readUInt32BE(0) % count;
}
