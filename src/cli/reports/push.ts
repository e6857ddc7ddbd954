import { count } from '../../base/count.ts';
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { PushPlan } from '../../workflows/push/plan-push.ts';
import type { PushResult } from '../../workflows/push/push.ts';
import type { Report } from './report.ts';
import { formatBytes, shortDigest, table } from './text.ts';

/** Formats what a push did: a table of tags, and a summary. */
export function pushReport({
  images,
  charts,
  referrers,
  created,
  onPush,
  reconciled,
  blobs,
  bytes,
  retired,
}: PushResult): Report {
  const rows = [...charts, ...images].map(({ target, digest, status }) => [
    tagReference(target),
    shortDigest(digest),
    status,
  ]);
  const repositories = [
    ...(created.length === 0 ? [] : [`${repositoryCount(created.length)} created, `]),
    ...(onPush.length === 0 ? [] : [`${repositoryCount(onPush.length)} created on push by a creation template, `]),
    ...(reconciled.length === 0 ? [] : [`${repositoryCount(reconciled.length)} changed, `]),
  ].join('');
  const sent = `${count(blobs.stored, 'blob')} uploaded (${formatBytes(bytes)}), ${blobs.mounted} mounted, ${blobs.present} already there`;
  const isAllPresent = blobs.stored + blobs.mounted === 0 && blobs.present > 0;
  const transferred = isAllPresent ? `${count(blobs.present, 'blob')}, all already there` : sent;
  const referrerTotal = referrers.pushed + referrers.present;
  const referrerCount = referrerTotal === 0 ? '' : `, ${count(referrerTotal, 'referrer')}`;
  const summary = `${repositories}${count(images.length, 'image')}, ${count(charts.length, 'chart')}${referrerCount}: ${transferred}`;
  const tags = table(['PUSHED', 'DIGEST', 'STATUS'], rows);
  return { result: [tags, ...retiredReport(retired)].join('\n\n'), notes: summary };
}

/** Returns the tags that an older bundle needed and the new content does not need, as a text of several lines. */
function retiredReport(retired: readonly Reference[] | undefined): string[] {
  if (retired === undefined) return [];
  if (retired.length === 0) return ['no tag of the older bundle is obsolete'];
  const lines = retired.map((reference) => `  ${tagReference(reference)} ${shortDigest(reference.digest ?? '')}`);
  return [['no longer needed, not deleted:', ...lines].join('\n')];
}

/** Formats a private reference without its digest. */
function tagReference({ digest: _, ...reference }: Reference): string {
  return formatReference(reference);
}

function repositoryCount(n: number): string {
  return count(n, 'ECR repository', 'ECR repositories');
}

/** Formats what a push would do. */
export function planReport({
  target,
  items,
  blobs,
  bytes,
  present,
  referrers,
  repositories,
  retired,
}: PushPlan): string {
  const rows = items.map((item) => [
    tagReference(item.target),
    shortDigest(item.target.digest ?? ''),
    item.status + currentDigest(item.found),
  ]);
  const sent = items.filter(isSent).length;
  const lines = [
    `${target}: ${count(sent, 'tag')} to write, ${items.length - sent} unchanged; ${count(blobs, 'blob')} to upload (${formatBytes(bytes)}), ${present} already there`,
  ];
  if (referrers.items.length > 0) lines.push(referrerPlanSummary(referrers));
  if (repositories !== undefined) {
    const { missing, onPush, existing } = repositories;
    lines.push(
      `repositories: ${existing.length} existing, ${missing.length} to create, ${onPush.length} created on push by a creation template`,
    );
    for (const name of missing) lines.push(`  to create: ${name}`);
    for (const name of onPush) lines.push(`  created on push: ${name}`);
  }
  const tables = [table(['WOULD PUSH', 'DIGEST', 'STATUS'], rows), ...referrerPlanTable(referrers)];
  return [...tables.map((text) => `${text}\n`), ...lines, ...retiredReport(retired)].join('\n');
}

function referrerPlanTable({ items }: PushPlan['referrers']): string[] {
  if (items.length === 0) return [];
  const rows = items.map(({ referrer, repository, status, found }) => [
    referrerKind(referrer),
    shortDigest(referrer.descriptor.digest),
    `${formatRepository(repository)}@${shortDigest(referrer.subject)}`,
    status + currentDigest(found),
  ]);
  return [table(['REFERRER', 'DIGEST', 'SUBJECT', 'STATUS'], rows)];
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
