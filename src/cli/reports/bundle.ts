import { count, firstOf } from '../../base/count.ts';
import { deltaOf } from '../../inventory/delta.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { toolPath } from '../../inventory/tool-names.ts';
import type { BundleResult } from '../../workflows/bundle/pack.ts';
import { estimateText } from './estimate.ts';
import { countDifference } from './image-counts.ts';
import { deltaReport } from './inspect.ts';
import { missingLines } from './missing.ts';
import { notKnownLines } from './not-known.ts';
import type { Report } from './report.ts';
import { countContent, formatBytes, joinLines } from './text.ts';

/** Maximum number of names in a line; `helm airgap images` lists all. */
const MAX_NAMES = 5;

/** Formats the bundle that was written, or the estimate of a dry run. Notes: where its content is from, what is not in it. */
export function bundleReport(result: BundleResult): Report {
  const { status, path, parts, size, blobs, lock: inventory, estimate } = result;
  const partCount = parts === undefined ? '' : ` in ${count(parts.length, 'part')}`;
  const items = countContent(inventory.charts.length, inventory.images.length);
  const content = `${items}, ${count(blobs, 'blob')}, ${formatBytes(size)}${partCount}`;
  const tools = toolsText(inventory.tools);
  const delta = deltaReport(deltaOf(inventory));
  const left = leftOutText(result);
  if (status === 'planned') {
    return {
      result: [joinLines([...estimateText(estimate).split('\n'), ...delta, ...tools])],
      notes: [joinLines([`dry run: ${path} was not written`, ...left])],
    };
  }
  const verb = status === 'written' ? 'written' : 'is up to date';
  const notes = [...originText(result), ...left];
  return {
    result: [joinLines([`${path} ${verb}: ${content}`, ...delta, ...tools])],
    notes: notes.length === 0 ? [] : [joinLines(notes)],
  };
}

/** Names the tools in a bundle; no line without any. */
function toolsText(tools: Inventory['tools'] = []): string[] {
  if (tools.length === 0) return [];
  return [
    `${count(tools.length, 'tool')}: ${firstOf(
      tools.map(({ name }) => toolPath(name)),
      MAX_NAMES,
    )}`,
  ];
}

/** Says where the bytes of a bundle are from, unless all were fetched. */
function originText({ fetched, reused, resumed }: BundleResult): string[] {
  if (reused + resumed === 0) return [];
  const reusedText = reused > 0 ? `, ${formatBytes(reused)} from earlier bundles` : '';
  const resumedText = resumed > 0 ? `, ${formatBytes(resumed)} kept from an interrupted run` : '';
  return [`${formatBytes(fetched)} fetched${reusedText}${resumedText}`];
}

/** Returns lines on images and referrers that are not in the bundle, and on images that replace others. */
function leftOutText({ missing, lock, possible, counts, unanswered = [], overwrites = [] }: BundleResult): string[] {
  const difference = countDifference(counts);
  const all = (names: readonly string[]): string => (names.length > MAX_NAMES ? ' (helm airgap images lists all)' : '');
  return [
    ...(difference === '' ? [] : [`${count(counts.bundled, 'image')}: ${difference}`]),
    ...missingLines(missing),
    ...notKnownLines(lock.notKnown),
    ...(possible.length === 0
      ? []
      : [
          `${count(possible.length, 'possible image')} left out, --include adds them${all(possible)}:`,
          `  ${firstOf(possible, MAX_NAMES)}`,
        ]),
    ...(overwrites.length === 0
      ? []
      : [
          `the target has ${count(overwrites.length, 'tag')} with other content, which push replaces only with --on-existing-tag overwrite:`,
          `  ${firstOf(overwrites, MAX_NAMES)}`,
        ]),
    ...unanswered.map(
      ({ registry, images }) =>
        `referrers of ${count(images.length, 'image')} may be missing: ${registry} did not list them (see above)`,
    ),
  ];
}
