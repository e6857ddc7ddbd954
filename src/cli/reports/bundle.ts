import { count } from '../../base/count.ts';
import { deltaOf } from '../../inventory/delta.ts';
import type { BundleResult } from '../../workflows/bundle/pack.ts';
import { estimateText } from './estimate.ts';
import { countDifference } from './image-counts.ts';
import { deltaReport } from './inspect.ts';
import type { Report } from './report.ts';
import { formatBytes } from './text.ts';

/** Formats the bundle that was written, or the estimate of a dry run. Notes: what is not in it. */
export function bundleReport(result: BundleResult): Report {
  const { status, path, parts, size, blobs, lock: inventory, possible, counts, unanswered = [], ...bytes } = result;
  const partCount = parts === undefined ? '' : ` in ${count(parts.length, 'part')}`;
  const content = `${count(inventory.charts.length, 'chart')}, ${count(inventory.images.length, 'image')}, ${count(blobs, 'blob')}, ${formatBytes(size)}${partCount}`;
  const possibleNote =
    possible.length === 0 ? [] : [`possible images left out (add them with --include): ${possible.join(', ')}`];
  const incomplete = unanswered.map(
    ({ registry, images }) =>
      `referrers of ${count(images.length, 'image')} may be missing: ${registry} did not list them, see the warning above`,
  );
  const difference = countDifference(counts);
  const countNote = difference === '' ? [] : [`${count(counts.bundled, 'image')}: ${difference}`];
  const notes = [...countNote, ...possibleNote, ...incomplete].join('\n');
  const delta = deltaReport(deltaOf(inventory));
  if (status === 'up-to-date') return { result: [`${path} is up to date: ${content}`, ...delta].join('\n'), notes };
  if (status === 'planned') {
    const dryRunNotes = [`dry run: ${path} was not written`, notes].filter((note) => note !== '').join('\n');
    return { result: [estimateText(bytes.estimate), ...delta].join('\n'), notes: dryRunNotes };
  }
  const { fetched, reused, resumed } = bytes;
  const reusedText = reused > 0 ? `, ${formatBytes(reused)} from earlier bundles` : '';
  const resumedText = resumed > 0 ? `, ${formatBytes(resumed)} kept from an interrupted run` : '';
  const written = `${path} written: ${content} (${formatBytes(fetched)} fetched${reusedText}${resumedText})`;
  return { result: [written, ...delta].join('\n'), notes };
}
