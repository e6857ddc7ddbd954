import { printableLine } from '../../base/printable.ts';
import type { Block, Table } from './report.ts';
import { textWidth } from './text-width.ts';
import { longestPart, wrapText } from './wrap.ts';

/** Narrower terminals are written to as if they had this many columns. */
const MIN_WIDTH = 60;
/** For terminals that do not know their size. */
const DEFAULT_WIDTH = 80;
const GAP = 2;
/** A column is not made narrower than this. */
const MIN_COLUMN = 12;

/**
 * Returns the width to lay out for; undefined for no limit.
 * @param columns what the terminal says about itself, which may be wrong: 0 or NaN if it does not know; undefined if the
 *   output is not a terminal
 */
export function layoutWidth(columns: number | undefined): number | undefined {
  if (columns === undefined) return undefined;
  return columns > 0 && Number.isFinite(columns) ? Math.max(MIN_WIDTH, Math.floor(columns)) : DEFAULT_WIDTH;
}

/**
 * Lays out blocks below each other, with an empty line before and after a table. Lines of text are left as they are; a table
 * is made to fit.
 * @param width from {@link layoutWidth}
 */
export function layOut(blocks: readonly Block[], width: number | undefined): string {
  return blocks
    .map((block, i) => {
      const text = typeof block === 'string' ? block : layOutTable(block, width);
      if (i === 0) return text;
      return typeof block === 'string' && typeof blocks[i - 1] === 'string' ? `\n${text}` : `\n\n${text}`;
    })
    .join('');
}

/**
 * Lays out a table: one line for each row if that fits; else with cells on several lines and the first column whole; else,
 * or if rows then have more lines than cells, stacked. Never leaves anything out.
 */
function layOutTable({ head, rows }: Table, width: number | undefined): string {
  const cells = [head, ...rows].map((row) => row.map(printableLine));
  const natural = head.map((_, i) => widestOf(cells, i, textWidth));
  if (width === undefined || lineWidth(natural) <= width) return inColumns(cells, natural).join('\n');
  const widths = fittingWidths(cells, natural, width);
  const columns = widths && inColumns(cells, widths);
  const isTall = columns === undefined || columns.length - 1 > rows.length * head.length;
  return (isTall ? stackedRows(cells, natural, width) : columns).join('\n');
}

type Cells = readonly (readonly string[])[];

function widestOf(cells: Cells, column: number, measure: (cell: string) => number): number {
  return cells.reduce((widest, row) => Math.max(widest, measure(row[column] ?? '')), 0);
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, GAP * (widths.length - 1));
}

/**
 * Returns widths with which the lines fit, the first column is whole, and no word of the others is broken, but in the last
 * column, which has the longest texts; undefined if there are none.
 */
function fittingWidths(cells: Cells, natural: readonly number[], width: number): number[] | undefined {
  const last = natural.length - 1;
  const leastOf = (column: number, at: 'spaces' | 'marks'): number => {
    const most = natural[column] ?? 0;
    if (column === 0) return most;
    return Math.max(
      Math.min(most, MIN_COLUMN),
      widestOf(cells, column, (cell) => longestPart(cell, at)),
    );
  };
  const words = natural.map((_, i) => leastOf(i, 'spaces'));
  for (const least of [words, words.with(last, leastOf(last, 'marks'))])
    if (lineWidth(least) <= width) return shrink(natural, least, width);
  return undefined;
}

/** Makes the widest columns narrower until the lines fit, but none narrower than its least width. */
function shrink(natural: readonly number[], least: readonly number[], width: number): number[] {
  const limited = (limit: number): number[] => natural.map((most, i) => Math.max(least[i] ?? 0, Math.min(most, limit)));
  let [fits, tooWide] = [0, width + 1];
  while (tooWide - fits > 1) {
    const middle = Math.floor((fits + tooWide) / 2);
    if (lineWidth(limited(middle)) <= width) fits = middle;
    else tooWide = middle;
  }
  const widths = limited(fits);
  let rest = width - lineWidth(widths);
  return widths.map((columnWidth, i) => {
    const more = Math.min(rest, (natural[i] ?? 0) - columnWidth);
    rest -= more;
    return columnWidth + more;
  });
}

/** Formats rows as columns. A cell that is too wide goes on in the lines below. */
function inColumns(cells: Cells, widths: readonly number[]): string[] {
  return cells.flatMap((row) => {
    const wrapped = widths.map((width, i) => wrapText(row[i] ?? '', width));
    const height = wrapped.reduce((most, lines) => Math.max(most, lines.length), 0);
    return Array.from({ length: height }, (_, line) =>
      columnsLine(
        wrapped.map((lines) => lines[line] ?? ''),
        widths,
      ),
    );
  });
}

function columnsLine(texts: readonly string[], widths: readonly number[]): string {
  const last = texts.findLastIndex((text) => text !== '');
  const padded = texts
    .slice(0, last)
    .map((text, i) => text + ' '.repeat(Math.max(0, (widths[i] ?? 0) - textWidth(text)) + GAP));
  return padded.join('') + (texts[last] ?? '');
}

/** Formats each row as several lines: the first cell, and below it the others with the names of their columns. */
function stackedRows([head = [], ...rows]: Cells, natural: readonly number[], width: number): string[] {
  const names = head.map((name) => (name === '' ? '' : `${name.toLowerCase()}: `));
  const groups = groupsOf(
    natural.map((most, i) => most + (names[i] ?? '').length),
    width - INDENT.length,
  );
  const lines = rows.flatMap((row) => [
    ...hanging(row[0] ?? '', '', width),
    ...groups.flatMap((group) => {
      const cells = group.filter((i) => (row[i] ?? '') !== '').map((i) => `${names[i]}${row[i]}`);
      return cells.length === 0 ? [] : hanging(cells.join(SEPARATOR), INDENT, width);
    }),
  ]);
  return [head[0] ?? '', ...lines];
}

const INDENT = '  ';
const SEPARATOR = '; ';

/** Groups columns after the first that fit into one line in all rows. */
function groupsOf(widths: readonly number[], width: number): number[][] {
  const groups: number[][] = [];
  let used = 0;
  for (const [i, more] of widths.entries()) {
    if (i === 0) continue;
    const last = groups.at(-1);
    used += SEPARATOR.length + more;
    if (last !== undefined && used <= width) last.push(i);
    else {
      groups.push([i]);
      used = more;
    }
  }
  return groups;
}

/** Breaks a text into lines, of which those after the first are indented further. */
function hanging(text: string, indent: string, width: number): string[] {
  if (indent.length + textWidth(text) <= width) return [indent + text];
  const inner = `${indent}    `;
  return wrapText(text, width - inner.length).map((line, i) => (i === 0 ? indent : inner) + line);
}
