import { readFileSync, writeFileSync } from 'node:fs';

type Row = readonly (string | number)[];

const line = (cells: Row): string => `| ${cells.join(' | ')} |`;

/** Formats a Markdown table whose first columns, one unless given, are text and whose others are figures. */
export function table(head: Row, rows: readonly Row[], texts = 1): string {
  return [line(head), line(head.map((_, index) => (index < texts ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const END = '<!-- end of figures -->';

/**
 * Replaces a section of a page of results: the figures that an npm script writes.
 * @param section name of the script, and what it measures if it writes several sections
 * @throws Error if the page has no markers
 */
export function replaceFigures(file: string, section: string, figures: string): void {
  const begin = `<!-- figures: written by npm run ${section} -->`;
  const before = readFileSync(file, 'utf8');
  const from = before.indexOf(begin);
  const to = before.indexOf(END, from);
  if (from < 0 || to < from) throw new Error(`${file} has no markers for the figures of ${section}`);
  writeFileSync(file, `${before.slice(0, from)}${begin}\n\n${figures}\n\n${before.slice(to)}`);
}
