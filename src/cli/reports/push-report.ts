import { count } from '../../base/count.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
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
export function retiredReport(retired: readonly Reference[] | undefined): string[] {
  if (retired === undefined) return [];
  if (retired.length === 0) return ['no tag of the older bundle is obsolete'];
  const lines = retired.map((reference) => `  ${tagReference(reference)} ${shortDigest(reference.digest ?? '')}`);
  return [['no longer needed, not deleted:', ...lines].join('\n')];
}

/** Formats a private reference without its digest. */
export function tagReference({ digest: _, ...reference }: Reference): string {
  return formatReference(reference);
}

function repositoryCount(n: number): string {
  return count(n, 'ECR repository', 'ECR repositories');
}
