import { count } from '../../base/count.ts';
import { formatRepository } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { PushPlan } from '../../workflows/push/plan-push.ts';
import { retiredReport, tagReference } from './push-report.ts';
import { formatBytes, shortDigest, table } from './text.ts';

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
