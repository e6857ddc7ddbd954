import type { Delta } from '../lock/delta.ts';
import { count, formatBytes, shortDigest } from './text.ts';

/** What a delta leaves out and who must have it, as a line of its own; no line for a whole bundle. */
export function deltaReport(delta: Delta | undefined): string[] {
  if (delta === undefined) return [];
  const { since, blobs, bytes } = delta;
  return [
    `a delta: ${count(blobs, 'blob')}, ${formatBytes(bytes)}, must be in the registry already, by a push of the bundle with the lock ${shortDigest(since)}`,
  ];
}
