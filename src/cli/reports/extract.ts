import { count } from '../../base/count.ts';
import type { Extraction } from '../../workflows/extract/extract.ts';
import type { Report } from './report.ts';
import { formatBytes, joinLines, shortDigest } from './text.ts';

/** Formats what was extracted, and the files that were written. */
export function extractionReport({ status, type, name, digest, referrers, files }: Extraction): Report {
  const paths = files.map(({ path, bytes }) => `${path} (${formatBytes(bytes)})`).join(', ');
  const verb = status === 'written' ? 'written' : 'up to date';
  const written = `${paths} ${verb}: ${type} ${name}, ${shortDigest(digest)}`;
  if (referrers === 0) return { result: [joinLines([written])], notes: [] };
  return {
    result: [joinLines([`${written}, with ${count(referrers, 'referrer')}`])],
    notes: [
      joinLines([
        "some tools need the image's name to read an archive that has referrers",
        '--no-referrers leaves the referrers out',
      ]),
    ],
  };
}
