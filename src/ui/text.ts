import { isAbsolute, relative } from 'node:path';
import { printableLine } from '../base/printable.ts';

/** Bytes as people read them, powers of 1000 as disks and registries count. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  // 999.5 and more would be written as 1000 of the smaller unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A file as people know it: from the folder that they are in, where it is below that. */
export function fileText(path: string, cwd: string): string {
  const way = relative(cwd, path);
  return way === '' || way.startsWith('..') || isAbsolute(way) ? path : way;
}

/** `1 image`, `3 images`. */
export function count(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? '' : 's'}`;
}

/** Lines of a report: each stays one line, whatever it quotes. */
export function lined(lines: readonly string[]): string {
  return lines.map(printableLine).join('\n');
}

/** Columns aligned, two spaces apart, none at the end of a line. A row stays one line, whatever its cells quote. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = [head, ...rows].map((row) => row.map(printableLine));
  const widths = head.map((_, i) => shown.reduce((width, row) => Math.max(width, row[i]?.length ?? 0), 0));
  return shown
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A digest short enough for a table and long enough to recognise. */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
