import {
  type ChartChange,
  type DriftChart,
  type DriftImage,
  hasDrift,
  isOutOfDate,
  type LockFileDrift,
} from '../../inventory/lock-file-drift.ts';
import type { WrittenLockFile } from '../../workflows/images/lock-file.ts';
import { countDifference } from './image-counts.ts';
import { notKnownLines } from './not-known.ts';
import { countContent, joinLines, shortDigest } from './text.ts';

/** Formats a summary of a written lock file. @param offline no registry was queried */
export function lockFileReport({ path, status, lockFile, counts }: WrittenLockFile, offline: boolean): string {
  const { charts, images, notKnown } = lockFile;
  const unresolved = images.filter(({ digest, state }) => digest === '' && state === undefined).length;
  const hint = offline ? ' (--offline): bundle --lock resolves these tags when it runs' : '';
  const withoutDigest = unresolved === 0 ? '' : `, ${unresolved} without a digest${hint}`;
  const difference = countDifference(counts);
  const verb = status === 'written' ? 'written' : 'is up to date';
  const content = countContent(charts.length, images.filter(({ state }) => state === undefined).length);
  const summary = `${path} ${verb}: ${content}${difference === '' ? '' : ` (${difference})`}${withoutDigest}`;
  return joinLines([summary, ...notKnownLines(notKnown)]);
}

/** Formats the differences from a lock file, one per line, grouped by kind. */
export function lockFileDriftReport(path: string, drift: LockFileDrift): string {
  const { charts, images, notKnown } = drift;
  if (!hasDrift(drift)) return joinLines([`${path} is up to date`, ...notKnownLines(notKnown)]);
  const groups: readonly [string, readonly string[]][] = [
    ['charts added', charts.added.map(chartText)],
    ['charts removed', charts.removed.map(chartText)],
    ['charts changed', charts.changed.map(changeText)],
    ['images added', images.added.map(imageText)],
    ['images removed', images.removed.map(imageText)],
    [
      'tags moved',
      images.moved.map(({ reference, from, to }) => `${reference}: ${shortDigest(from)} -> ${shortDigest(to)}`),
    ],
    ['images missing from their registries', images.gone.map(imageText)],
  ];
  const sections = groups.flatMap(([title, lines]) =>
    lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)],
  );
  return joinLines([
    `${path} ${isOutOfDate(drift) ? 'is out of date' : 'needs images that do not exist'}`,
    ...sections,
    ...notKnownLines(notKnown),
  ]);
}

function chartText({ name, version, parent }: DriftChart): string {
  return `${name} ${version}${parent === undefined ? '' : ` (installed by ${parent})`}`;
}

function changeText({ name, version, what, from, to }: ChartChange): string {
  if (what === 'version') return `${name}: ${from} -> ${to}`;
  const [before, after] = what === 'digest' ? [shortDigest(from), shortDigest(to)] : [from, to];
  return `${name} ${version}: ${CHANGED[what]}, ${before} -> ${after}`;
}

const CHANGED = {
  digest: 'content changed under the same version',
  place: 'source changed',
  profiles: 'profiles changed',
} as const satisfies Record<Exclude<ChartChange['what'], 'version'>, string>;

function imageText({ reference, charts }: DriftImage): string {
  return charts.length === 0 ? reference : `${reference} (${charts.join(', ')})`;
}
