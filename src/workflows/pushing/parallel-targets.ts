import type { Source } from '../../oci/content.ts';
import { type SharedReader, SharedSource } from '../../transfer/shared-source.ts';

/** Returns a shared reader for each target; none for a single target. */
export function readersFor(source: Source, targets: number): readonly SharedReader[] {
  if (targets < 2) return [];
  const shared = new SharedSource(source);
  return Array.from({ length: targets }, () => shared.reader());
}
