import { count } from '../../base/count.ts';
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { PushPlan } from '../../workflows/push/plan-push.ts';
import type { PushResult } from '../../workflows/push/push.ts';
import type { Block, Report, Table } from './report.ts';
import { countContent, formatBytes, joinLines, shortDigest } from './text.ts';

/**
 * Formats what a push did: a table of tags, and a summary.
 * @param showTarget name the target before the table, for pushes to several
 * @param shown tags in the table; those that are not shown are counted
 */
export function pushReport(result: PushResult, showTarget = false, shown: 'all' | 'changed' = 'all'): Report {
  const { target, images, charts, retired } = result;
  const items = [...charts, ...images].filter(({ status }) => shown === 'all' || status !== 'present');
  const rows = items.map((item) => [tagReference(item.target), shortDigest(item.digest), item.status]);
  return {
    result: [
      ...targetTitle(target, showTarget),
      ...(shown === 'all' || rows.length > 0 ? [{ head: ['PUSHED', 'DIGEST', 'STATUS'], rows }] : []),
      ...retiredReport(retired),
    ],
    notes: [joinLines([...pushSummary(result), ...unchangedLine(shown, charts.length + images.length - rows.length)])],
  };
}

/** Says what is in the target now, and what was done for it. */
function pushSummary({ target, images, charts, referrers, blobs, bytes, ...ecr }: PushResult): string[] {
  const referrerTotal = referrers.pushed + referrers.present;
  const counts = [
    countContent(charts.length, images.length),
    ...(referrerTotal === 0 ? [] : [count(referrerTotal, 'referrer')]),
  ];
  const isAllPresent = blobs.stored + blobs.mounted === 0 && blobs.present > 0;
  return [
    `${target} has ${counts.join(', ')}`,
    isAllPresent
      ? `${count(blobs.present, 'blob')}, all already there`
      : `${count(blobs.stored, 'blob')} uploaded (${formatBytes(bytes)}), ${blobs.mounted} mounted, ${blobs.present} already there`,
    ...repositoryLine(ecr.created, 'created'),
    ...repositoryLine(ecr.onPush, 'created on push by a creation template'),
    ...repositoryLine(ecr.reconciled, 'changed'),
  ];
}

function unchangedLine(shown: 'all' | 'changed', unchanged: number): string[] {
  return shown === 'changed' && unchanged > 0 ? [`${count(unchanged, 'tag')} unchanged`] : [];
}

function repositoryLine(repositories: readonly unknown[], what: string): string[] {
  return repositories.length === 0
    ? []
    : [`${count(repositories.length, 'ECR repository', 'ECR repositories')} ${what}`];
}

function targetTitle(target: string, isShown: boolean): string[] {
  return isShown ? [joinLines([`${target}:`])] : [];
}

/** Returns the tags that an older bundle needed and the new content does not need, as a text of several lines. */
function retiredReport(retired: readonly Reference[] | undefined): string[] {
  if (retired === undefined) return [];
  if (retired.length === 0) return ['no tag of the older bundle is obsolete'];
  const lines = retired.map((reference) => `  ${tagReference(reference)} ${shortDigest(reference.digest ?? '')}`);
  return [joinLines(['no longer needed, not deleted:', ...lines])];
}

/** Formats a private reference without its digest. */
function tagReference({ digest: _, ...reference }: Reference): string {
  return formatReference(reference);
}

/** Maximum number of repositories in the report; JSON has all. */
const MAX_REPOSITORIES = 10;

/**
 * Formats what a push would do: tables of tags and referrers, and a summary.
 * @param showTarget name the target before the tables instead of in the summary, for pushes to several
 */
export function planReport(plan: PushPlan, showTarget = false): readonly Block[] {
  const { target, items, blobs, bytes, present, referrers, repositories, retired } = plan;
  const rows = items.map((item) => [
    tagReference(item.target),
    shortDigest(item.target.digest ?? ''),
    item.status + currentDigest(item.found),
  ]);
  const sent = items.filter(isSent).length;
  const lines = [
    `${showTarget ? '' : `${target}: `}${count(sent, 'tag')} to write, ${items.length - sent} unchanged`,
    `${count(blobs, 'blob')} to upload (${formatBytes(bytes)}), ${present} already there`,
  ];
  if (referrers.items.length > 0) lines.push(referrerPlanSummary(referrers));
  if (repositories !== undefined) {
    const { missing, onPush, existing } = repositories;
    lines.push(
      `repositories: ${existing.length} existing, ${missing.length} to create, ${onPush.length} created on push by a creation template`,
      ...repositoryNames('to create', missing),
      ...repositoryNames('created on push', onPush),
    );
  }
  return [
    ...targetTitle(target, showTarget),
    { head: ['WOULD PUSH', 'DIGEST', 'STATUS'], rows },
    ...referrerPlanTable(referrers),
    joinLines(lines),
    ...retiredReport(retired),
  ];
}

function repositoryNames(what: string, names: readonly string[]): string[] {
  const more = names.length - MAX_REPOSITORIES;
  const lines = names.slice(0, MAX_REPOSITORIES).map((name) => `  ${what}: ${name}`);
  return more > 0 ? [...lines, `  and ${more} more ${what} (-o json lists all)`] : lines;
}

function referrerPlanTable({ items }: PushPlan['referrers']): Table[] {
  if (items.length === 0) return [];
  const rows = items.map(({ referrer, repository, status, found }) => [
    referrerKind(referrer),
    shortDigest(referrer.descriptor.digest),
    `${formatRepository(repository)}@${shortDigest(referrer.subject)}`,
    status + currentDigest(found),
  ]);
  return [{ head: ['REFERRER', 'DIGEST', 'SUBJECT', 'STATUS'], rows }];
}

function referrerPlanSummary({ items, blobs, bytes }: PushPlan['referrers']): string {
  const sent = items.filter(isSent).length;
  const kept = items.filter(({ status }) => status === 'keep').length;
  const keptText = kept === 0 ? '' : `, ${kept} to keep`;
  const existing = items.length - sent - kept;
  return `referrers: ${sent} to upload with ${count(blobs, 'blob')} (${formatBytes(bytes)}), ${existing} already there${keptText}`;
}

function isSent({ status }: { readonly status: string }): boolean {
  return status === 'send' || status === 'overwrite';
}

function currentDigest(found: string | undefined): string {
  return found === undefined ? '' : ` (now ${shortDigest(found)})`;
}

/** Returns the JSON document of a push. References are strings; targets have a tag and a separate digest. The receipt is omitted. */
export function pushDocument({ receipt: _, images, charts, retired, ...rest }: PushResult): object {
  return {
    ...rest,
    images: images.map(outcomeDocument),
    charts: charts.map(outcomeDocument),
    ...(retired && { retired: retired.map(targetDocument) }),
  };
}

/** Returns the JSON document of a push plan. */
export function planDocument({ items, referrers, retired, ...rest }: PushPlan): object {
  return {
    ...rest,
    items: items.map(({ reference, target, ...item }) => ({
      reference: formatReference(reference),
      ...targetDocument(target),
      ...item,
    })),
    referrers: {
      ...referrers,
      items: referrers.items.map(({ referrer, repository, ...item }) => ({
        kind: referrerKind(referrer),
        repository: formatRepository(repository),
        subject: referrer.subject,
        ...(referrer.tag === undefined ? {} : { tag: referrer.tag }),
        digest: referrer.descriptor.digest,
        ...item,
      })),
    },
    ...(retired && { retired: retired.map(targetDocument) }),
  };
}

function outcomeDocument({ reference, target, digest, status }: PushResult['images'][number]): object {
  return { reference: formatReference(reference), ...targetDocument({ ...target, digest }), status };
}

function targetDocument(target: Reference): object {
  return { target: tagReference(target), digest: target.digest };
}
