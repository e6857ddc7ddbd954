import { printableLine } from '../../base/printable.ts';
import type { WrittenList } from './written-list.ts';

/** Writes arrays for Bash: CHARTS with rows `name|version|repository`, IMAGES with references. */
export function shellList({ charts, images, remarks }: WrittenList): string {
  const rows = charts.map(({ name, version, repository }) => [name, version, repository].join('|'));
  const lines = [
    ...arrayLines('CHARTS', rows),
    ...arrayLines('IMAGES', images),
    ...remarks.map((remark) => `# ${printableLine(remark)}`),
  ];
  return lines.join('\n');
}

function arrayLines(name: string, words: readonly string[]): string[] {
  return [`${name}=(`, ...words.map((word) => `  '${printableLine(word).replaceAll("'", "'\\''")}'`), ')'];
}
