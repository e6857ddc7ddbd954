import { formatReference, type Reference } from '../oci/reference.ts';
import type { PushResult } from '../workflows/push.ts';
import { count, formatBytes, shortDigest, table } from './text.ts';

/** What a push did, for people. */
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
}: PushResult): string {
  const rows = [...charts, ...images].map(({ target, digest, status }) => [
    tagged(target),
    shortDigest(digest),
    status,
  ]);
  const repositories = [
    ...(created.length === 0 ? [] : [`${repositoriesOf(created.length, 'new ')}, `]),
    ...(onPush.length === 0 ? [] : [`${repositoriesOf(onPush.length)} made by a creation template, `]),
    ...(reconciled.length === 0 ? [] : [`${repositoriesOf(reconciled.length)} changed, `]),
  ].join('');
  const sent = `${count(blobs.stored, 'blob')} sent (${formatBytes(bytes)}), ${blobs.mounted} mounted, ${blobs.present} already there`;
  const isAllThere = blobs.stored + blobs.mounted === 0 && blobs.present > 0;
  const moved = isAllThere ? `${count(blobs.present, 'blob')}, all there already` : sent;
  const more = referrers.pushed + referrers.present;
  const belonging = more === 0 ? '' : `, ${count(more, 'signature')} and the like`;
  const summary = `${repositories}${count(images.length, 'image')}, ${count(charts.length, 'chart')}${belonging}: ${moved}`;
  return [`${table(['PUSHED', 'DIGEST', 'STATUS'], rows)}\n`, summary, ...retiredReport(retired)].join('\n');
}

/** What an older bundle needed and the new content does not. */
export function retiredReport(retired: readonly Reference[] | undefined): string[] {
  if (retired === undefined) return [];
  if (retired.length === 0) return ['nothing of the older bundle is left over'];
  const lines = retired.map((reference) => `  ${tagged(reference)} ${shortDigest(reference.digest ?? '')}`);
  return ['no longer needed, and not deleted:', ...lines];
}

/** A private reference by its tag. */
export function tagged({ digest: _, ...reference }: Reference): string {
  return formatReference(reference);
}

function repositoriesOf(n: number, what = ''): string {
  return `${n} ${what}ECR ${n === 1 ? 'repository' : 'repositories'}`;
}
