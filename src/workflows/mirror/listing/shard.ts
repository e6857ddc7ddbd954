import { createHash } from 'node:crypto';
import { formatRepository, type Repository } from '../../../oci/reference.ts';
import type { Shard } from './selection.ts';

/**
 * Reports whether a repository belongs to a shard. It depends on the name of the repository alone, so that runs on several
 * machines agree without talking to each other, and stays the same when others come or go.
 */
export function isInShard(repository: Repository, shard: Shard): boolean {
  const hash = createHash('sha256').update(formatRepository(repository)).digest();
  return hash.readUInt32BE(0) % shard.count === shard.index;
}
