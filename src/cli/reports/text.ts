import { isAbsolute, relative } from 'node:path';
import { count } from '../../base/count.ts';
import { printableLine } from '../../base/printable.ts';

/** Formats a number of bytes with decimal units (powers of 1000), as disks and registries use them. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  // 999.5 and more would round to 1000 of the smaller unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Returns an absolute path relative to the working directory if it lies below it; others, and addresses, unchanged. */
export function displayPath(path: string, cwd: string): string {
  if (!isAbsolute(path)) return path;
  const relativePath = relative(cwd, path);
  return relativePath === '' || relativePath.startsWith('..') || isAbsolute(relativePath) ? path : relativePath;
}

/** Joins the lines of a report. Line breaks and control characters inside a line are escaped. */
export function joinLines(lines: readonly string[]): string {
  return lines.map(printableLine).join('\n');
}

/** Counts charts and images: `2 charts, 5 images`. Runs without charts do not mention them. */
export function countContent(charts: number, images: number): string {
  return [...(charts === 0 ? [] : [count(charts, 'chart')]), count(images, 'image')].join(', ');
}

/** Shortens a digest to its algorithm and 12 hex digits. */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
