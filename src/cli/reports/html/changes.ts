import { count } from '../../../base/count.ts';
import type { Diff } from '../../../workflows/inspect/diff.ts';
import { changeGroups, type Row } from '../diff.ts';
import { formatBytes } from '../text.ts';
import { type Html, html } from './markup.ts';
import { code, table } from './parts.ts';

/** Differences from an older bundle. */
export function changes(diff: Diff): Html {
  const groups = changeGroups(diff);
  const { old, carry, shared } = diff;
  const cell = (text: string): Html | string => (text === '' ? '' : code(text));
  return html`<section aria-labelledby="changes"><h2 id="changes">Changes</h2>
<p>Compared with ${code(old.file)} (${formatBytes(old.size)}): ${formatBytes(carry.bytes)} in ${count(carry.blobs, 'blob')} are new, ${formatBytes(shared.bytes)} in ${count(shared.blobs, 'blob')} are in both.</p>
${groups.length === 0 && html`<p>Charts, images and tools are the same.</p>`}${groups.map(
  ([title, rows]) => html`<h3>${title[0]?.toUpperCase()}${title.slice(1)}</h3>
${table<Row>(
  title,
  [
    { title: 'Name', cell: ([name]) => code(name) },
    { title: 'From', cell: ([, from]) => cell(from) },
    { title: 'To', cell: ([, , to]) => cell(to) },
  ],
  rows,
)}`,
)}</section>
`;
}
