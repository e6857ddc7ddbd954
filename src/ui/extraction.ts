import type { Extraction } from '../workflows/extract.ts';
import { count, formatBytes, shortDigest } from './text.ts';

/** What came out of a bundle, and where it is. */
export function extractionReport({ status, type, name, digest, referrers, files }: Extraction): string {
  const paths = files.map(({ path, bytes }) => `${path} (${formatBytes(bytes)})`).join(', ');
  const verb = status === 'written' ? 'written' : 'up to date';
  const written = `${paths} ${verb}: ${type} ${name}, ${shortDigest(digest)}`;
  if (referrers === 0) return written;
  return `${written}, and ${count(referrers, 'signature')} and the like
  with these in it, other tools want to be told the image’s name; --no-referrers leaves them out`;
}
