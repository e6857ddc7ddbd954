import type { PushPlan } from '../workflows/pushing/plan-push.ts';
import { retiredReport, tagged } from './push-report.ts';
import { count, formatBytes, shortDigest, table } from './text.ts';

/** What a push would do, for people. */
export function planReport({ target, items, blobs, bytes, present, repositories, retired }: PushPlan): string {
  const rows = items.map((item) => [
    tagged(item.target),
    shortDigest(item.target.digest ?? ''),
    item.status + (item.found === undefined ? '' : ` (is ${shortDigest(item.found)})`),
  ]);
  const sent = items.filter(({ status }) => status === 'send' || status === 'overwrite').length;
  const lines = [
    `${target}: ${count(sent, 'tag')} to write, ${items.length - sent} to leave; ${count(blobs, 'blob')} to send (${formatBytes(bytes)}), ${present} there`,
  ];
  if (repositories !== undefined) {
    const { missing, onPush, existing } = repositories;
    lines.push(
      `repositories: ${existing.length} there, ${missing.length} to create, ${onPush.length} by a creation template`,
    );
    for (const name of missing) lines.push(`  to create: ${name}`);
    for (const name of onPush) lines.push(`  by a creation template: ${name}`);
  }
  return [`${table(['WOULD PUSH', 'DIGEST', 'STATUS'], rows)}\n`, ...lines, ...retiredReport(retired)].join('\n');
}
