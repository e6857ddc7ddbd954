import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns the flags that a chart of a folder needs to render, paths absolute: the column `extra_flags` of the folder's
 * INDEX.tsv. None if the folder has no index, or the chart no flags.
 */
export function flagsOf(folder: string, chart: { readonly name: string; readonly version: string }): string[] {
  const file = join(folder, 'INDEX.tsv');
  if (!existsSync(file)) return [];
  const [head = [], ...rows] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const row = rows.find((cells) => {
    return cells[head.indexOf('chart')] === chart.name && cells[head.indexOf('version')] === chart.version;
  });
  const text = row?.[head.indexOf('extra_flags')] ?? '-';
  const words = text === '-' ? [] : text.split(' ');
  return words.map((word, i) => (words[i - 1] === '-f' ? join(folder, word) : word));
}
