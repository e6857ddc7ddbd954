import { count } from '../../../base/count.ts';
import type { Diff } from '../../../workflows/inspect/diff.ts';
import { changeGroups, type Row } from '../diff.ts';
import { formatBytes } from '../text.ts';
import { type Html, html } from './markup.ts';
import { type Column, code, table } from './parts.ts';

/** Returns the columns of differences of one kind: what was added or removed has one digest. */
function columnsOf(rows: readonly Row[]): Column<Row>[] {
  const name: Column<Row> = { title: 'Name', cell: ([what]) => code(what) };
  if (rows.every(([, from, to]) => from === '' || to === '')) {
    return [name, { title: 'Digest', cell: ([, from, to]) => html`<span class="nowrap">${code(from || to)}</span>` }];
  }
  return [name, { title: 'From', cell: ([, from]) => code(from) }, { title: 'To', cell: ([, , to]) => code(to) }];
}

/** Differences from an older bundle. */
export function changes(diff: Diff): Html {
  const groups = changeGroups(diff);
  const { old, carry, shared } = diff;
  return html`<section aria-labelledby="changes"><h2 id="changes">Changes</h2>
<p>Compared with ${code(old.file)} (${formatBytes(old.size)}): ${formatBytes(carry.bytes)} in ${count(carry.blobs, 'blob')} are new, ${formatBytes(shared.bytes)} in ${count(shared.blobs, 'blob')} are in both.</p>
${groups.length === 0 && html`<p>Charts, images and tools are the same.</p>`}${groups.map(
  ([title, rows]) => html`<h3>${title[0]?.toUpperCase()}${title.slice(1)}</h3>
${table<Row>(title, columnsOf(rows), rows)}`,
)}</section>
`;
}
