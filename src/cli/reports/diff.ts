import { count } from '../../base/count.ts';
import { printableLine } from '../../base/printable.ts';
import type { Diff } from '../../workflows/inspect/diff.ts';
import { formatBytes, joinLines, shortDigest } from './text.ts';

/** One difference: the item, its old and its new value. */
export type Row = readonly [what: string, from: string, to: string];

/** Formats the differences between two bundles, one per line, grouped by kind. */
export function diffReport(diff: Diff): string {
  const lines = changeGroups(diff).flatMap(([title, rows]) => [
    `${title}:`,
    ...rows.map(([what, from, to]) => `  ${what}${changeText(from, to)}`),
  ]);
  const body = lines.length === 0 ? [`${diff.new.file} has the same charts and images as ${diff.old.file}`] : lines;
  return joinLines([...body, ...totals(diff)]);
}

/** Formats the differences as GitHub Markdown, for change tickets. */
export function diffMarkdown(diff: Diff): string {
  const tables = changeGroups(diff).flatMap(([title, rows]) => [
    `### ${title[0]?.toUpperCase()}${title.slice(1)}`,
    [
      '| | from | to |',
      '|---|---|---|',
      ...rows.map(([what, from, to]) => `| ${[codeCell(what), codeCell(from), codeCell(to)].join(' | ')} |`),
    ].join('\n'),
  ]);
  const body = tables.length === 0 ? ['The charts and images are the same.'] : tables;
  const files = `From ${codeCell(diff.old.file)} (${formatBytes(diff.old.size)}) to ${codeCell(diff.new.file)} (${formatBytes(diff.new.size)}).`;
  return ['## Difference between two bundles', files, ...body, `Content ${totals(diff).join('; ')}.`].join('\n\n');
}

/** Returns the differences by kind, without empty groups. */
export function changeGroups({ charts, images, referrers, tools }: Diff): (readonly [string, readonly Row[]])[] {
  const chartTitle = ({ name, version }: { name: string; version: string }): string => `${name} ${version}`;
  const groups: readonly (readonly [string, readonly Row[]])[] = [
    ['charts added', charts.added.map((chart): Row => [chartTitle(chart), '', shortDigest(chart.digest)])],
    ['charts removed', charts.removed.map((chart): Row => [chartTitle(chart), shortDigest(chart.digest), ''])],
    [
      'charts changed',
      charts.changed.map(({ name, from, to }): Row => {
        if (from.version !== to.version) return [name, from.version, to.version];
        return [`${name} ${to.version}`, shortDigest(from.digest), shortDigest(to.digest)];
      }),
    ],
    ['images added', images.added.map(({ reference, digest }): Row => [reference, '', shortDigest(digest)])],
    ['images removed', images.removed.map(({ reference, digest }): Row => [reference, shortDigest(digest), ''])],
    [
      'images with another version',
      images.retagged.map(({ from, to }): Row => retaggedRow(from.reference, to.reference)),
    ],
    ['tags moved', movedRows(images.moved, 'content')],
    ['images with other platforms', movedRows(images.moved, 'platforms')],
    [
      'referrers added',
      referrers.added.map(({ of, kind, digest }): Row => [`${of}: ${kind}`, '', shortDigest(digest)]),
    ],
    [
      'referrers removed',
      referrers.removed.map(({ of, kind, digest }): Row => [`${of}: ${kind}`, shortDigest(digest), '']),
    ],
    ['tools added', tools.added.map(({ name, digest }): Row => [name, '', shortDigest(digest)])],
    ['tools removed', tools.removed.map(({ name, digest }): Row => [name, shortDigest(digest), ''])],
    ['tools changed', tools.changed.map(({ name, from, to }): Row => [name, shortDigest(from), shortDigest(to)])],
  ];
  return groups.filter(([, rows]) => rows.length > 0);
}

/** Returns the repository and its old and new tag or digest. */
function retaggedRow(from: string, to: string): Row {
  const split = (reference: string): readonly [string, string] => {
    const last = reference.lastIndexOf('/') + 1;
    const index = last + reference.slice(last).search(/[:@]/);
    return [reference.slice(0, index), reference.slice(index + 1)];
  };
  return [split(from)[0], split(from)[1], split(to)[1]];
}

function movedRows(images: Diff['images']['moved'], cause: Diff['images']['moved'][number]['because']): Row[] {
  return images.flatMap(({ reference, from, to, because }) =>
    because === cause ? [[reference, shortDigest(from), shortDigest(to)] as const] : [],
  );
}

function changeText(from: string, to: string): string {
  return from !== '' && to !== '' ? `: ${from} -> ${to}` : ` (${from || to})`;
}

function totals({ carry, shared }: Diff): readonly string[] {
  return [
    `to transfer: ${formatBytes(carry.bytes)} in ${count(carry.blobs, 'blob')}`,
    `shared: ${formatBytes(shared.bytes)} in ${count(shared.blobs, 'blob')}`,
  ];
}

/** Formats a name as inline code in a table cell, with bars and backticks escaped. */
function codeCell(text: string): string {
  if (text === '') return '';
  // A backslash before a bar would cancel its escape.
  const cell = text.replaceAll('`', "'").replaceAll('\\|', '\\x5c|').replaceAll('|', '\\|');
  return `\`${printableLine(cell.replace(/\s+/g, ' '))}\``;
}
