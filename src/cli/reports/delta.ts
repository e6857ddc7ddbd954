import { count } from '../../base/count.ts';
import type { Delta } from '../../inventory/delta.ts';
import { formatBytes, shortDigest } from './text.ts';

/** Returns a line on what a delta bundle omits, or nothing for a complete bundle. */
export function deltaReport(delta: Delta | undefined): string[] {
  if (delta === undefined) return [];
  const { since, blobs, bytes } = delta;
  return [
    `delta: omits ${count(blobs, 'blob')} (${formatBytes(bytes)}); push the bundle with inventory ${shortDigest(since)} to the registry first`,
  ];
}
