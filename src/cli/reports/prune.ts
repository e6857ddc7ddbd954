import { count, firstOf } from '../../base/count.ts';
import type { PruneEntry, PruneOutcome } from '../../inventory/prune-list.ts';
import type { PruneDeletion } from '../../workflows/prune/delete.ts';
import type { PrunePlan } from '../../workflows/prune/plan.ts';
import type { Report } from './report.ts';
import { formatBytes, joinLines, shortDigest } from './text.ts';

/** Maximum number of repositories in a line; JSON has all. */
const MAX_SHOWN = 5;
const DAY = 24 * 3600 * 1000;

/**
 * Formats what nothing needs at a target: a table of tags and of manifests without one, and a summary. Children and referrers of
 * what is listed have no row of their own.
 * @param list name of the written list
 */
export function prunePlanReport(plan: PrunePlan, list?: string): Report {
  const { target, entries, totals, examined, created } = plan;
  const shown = entries.filter((entry) => !isDependent(entry));
  const referrers = entries.filter(({ reason }) => reason === 'referrer').length;
  const hasAges = shown.some(({ pushed }) => pushed !== undefined);
  const rows = shown.map((entry) => [
    nameOf(entry),
    shortDigest(entry.digest),
    entry.reason === 'tag-only' ? '-' : formatBytes(entry.size),
    ...(hasAges ? [ageOf(entry, created)] : []),
    reasonText(entry),
  ]);
  const head = ['NOT NEEDED', 'DIGEST', 'SIZE', ...(hasAges ? ['PUSHED'] : []), 'WHY'];
  const found =
    entries.length === 0
      ? `${target}: everything that was read is needed`
      : `${target}: ${count(totals.tags, 'tag')} and ${count(totals.manifests, 'manifest')}, up to ${formatBytes(totals.bytes)}, that nothing kept needs; nothing is deleted yet`;
  const read = `${count(examined.repositories, 'repository', 'repositories')} read, ${count(examined.tags, 'tag')} kept`;
  return {
    result: rows.length === 0 ? [joinLines([found])] : [{ head, rows }],
    notes: [
      joinLines([
        ...(rows.length === 0 ? [] : [found]),
        ...(referrers === 0
          ? []
          : [`among them ${count(referrers, 'referrer')} (signatures, attestations and others) of these`]),
        read,
        ...remarks(plan),
        ...(list === undefined ? [] : [`list: ${list}`]),
      ]),
    ],
  };
}

/** Says what was not looked at, and what is not known. */
function remarks({ foreign, unread, listsUntagged }: PrunePlan): string[] {
  return [
    ...(foreign.length === 0
      ? []
      : [
          `${count(foreign.length, 'repository', 'repositories')} not filled by helm airgap, left alone: ${firstOf(foreign, MAX_SHOWN)} (--include-foreign)`,
        ]),
    ...unread.map(
      ({ repository, error }) =>
        `everything in ${repository} is kept, as it could not be read in full: ${error.message}`,
    ),
    ...(listsUntagged ? [] : ['manifests that no tag reaches are not known here, and are left alone']),
  ];
}

/** Reports whether an entry goes with another one that is listed. */
function isDependent({ reason }: Pick<PruneEntry, 'reason'>): boolean {
  return reason === 'part' || reason === 'referrer';
}

function ageOf({ pushed }: PruneEntry, now: string): string {
  if (pushed === undefined) return '';
  const days = Math.max(0, Math.floor((Date.parse(now) - Date.parse(pushed)) / DAY));
  return `${pushed.slice(0, 10)} (${count(days, 'day')})`;
}

function reasonText({ reason, of = '' }: PruneEntry): string {
  if (reason === 'tag-only') return `only the tag: ${of} has the same digest`;
  return reason === 'untagged' ? 'no tag' : 'not kept';
}

function nameOf({ repository, tag, digest }: Pick<PruneEntry, 'repository' | 'tag' | 'digest'>): string {
  return tag === undefined ? `${repository}@${shortDigest(digest)}` : `${repository}:${tag}`;
}

const WORDS: Readonly<Record<PruneOutcome['status'], string>> = {
  deleted: 'deleted',
  'would-delete': 'would be deleted',
  gone: 'already gone',
  left: 'left',
  failed: 'failed',
};

/** Formats what became of a list: a table without children and referrers that went as they should, and a summary. */
export function deletionReport({ target, outcomes, isDryRun, receipt: { counts } }: PruneDeletion): Report {
  const shown = outcomes.filter((outcome) => !isDependent(outcome) || ['left', 'failed'].includes(outcome.status));
  const rows = shown.map((outcome) => {
    const { status, why, onlyTag } = outcome;
    return [
      nameOf(outcome),
      shortDigest(outcome.digest),
      WORDS[status] + (onlyTag ? ' (only the tag)' : ''),
      why ?? '',
    ];
  });
  const first = isDryRun ? `${counts['would-delete']} would be deleted` : `${counts.deleted} deleted`;
  const others = [`${counts.gone} already gone`, `${counts.left} left`, `${counts.failed} failed`];
  const summary = `${target}: of ${count(outcomes.length, 'entry', 'entries')} ${[first, ...others].join(', ')}`;
  const notes = counts.deleted > 0 ? [summary, 'the registry frees the space when it collects garbage'] : [summary];
  return {
    result:
      rows.length === 0
        ? ['the list is empty']
        : [{ head: [isDryRun ? 'WOULD PRUNE' : 'PRUNED', 'DIGEST', 'STATUS', 'WHY'], rows }],
    notes: [joinLines(notes)],
  };
}

/** Returns the JSON document of a plan. */
export function prunePlanDocument({ unread, ...plan }: PrunePlan): object {
  return { ...plan, unread: unread.map(({ repository, error }) => ({ repository, reason: error.message })) };
}

/** Returns the JSON document of a deletion. */
export function deletionDocument({ target, isDryRun, outcomes, receipt: { counts } }: PruneDeletion): object {
  return { target, dryRun: isDryRun, counts, entries: outcomes };
}
