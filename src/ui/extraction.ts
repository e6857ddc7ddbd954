import type { Extraction } from '../workflows/extract.ts';
import { formatBytes, shortDigest } from './text.ts';

/** What came out of a bundle, and where it is. */
export function extractionReport({ status, type, name, digest, files }: Extraction): string {
  const paths = files.map(({ path, bytes }) => `${path} (${formatBytes(bytes)})`).join(', ');
  const verb = status === 'written' ? 'written' : 'up to date';
  return `${paths} ${verb}: ${type} ${name}, ${shortDigest(digest)}`;
}
