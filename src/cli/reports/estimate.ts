import { count } from '../../base/count.ts';
import type { Estimate, Quota } from '../../base/events.ts';
import { countContent, formatBytes } from './text.ts';

/** Formats the estimated size, transfers and needs of a bundle, a line for each kind of fact. */
export function estimateText({
  charts,
  images,
  blobs,
  size,
  shared,
  needed,
  free,
  quotas,
  ...bytes
}: Estimate): string {
  const parts = [`${formatBytes(bytes.fetched)} to fetch`];
  if (bytes.reused > 0) parts.push(`${formatBytes(bytes.reused)} from earlier bundles`);
  if (bytes.resumed > 0) parts.push(`${formatBytes(bytes.resumed)} kept from an interrupted run`);
  if (shared > 0) parts.push(`${formatBytes(shared)} saved by shared layers`);
  const content = `${countContent(charts, images)}, ${count(blobs, 'blob')}, ${formatBytes(size)}`;
  const disk = `${formatBytes(needed)} of disk space needed, ${formatBytes(free)} free`;
  return [`bundle: ${content}`, parts.join(', '), disk, ...quotas.map(quotaText)].join('\n');
}

function quotaText({ registry, remaining, limit, seconds }: Quota): string {
  const pulls = limit === undefined ? count(remaining, 'pull') : `${remaining} of ${count(limit, 'pull')}`;
  const time = seconds === undefined ? '' : ` per ${seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds} s`}`;
  return `${registry}: ${pulls}${time} left`;
}
