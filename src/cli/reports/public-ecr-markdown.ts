import { printableLine } from '../../base/printable.ts';
import type { PublicEcrResult } from '../../inventory/public-ecr.ts';
import { publicEcrGroups, publicEcrSummary } from './public-ecr.ts';

/** Formats the images as Markdown tables, for pull requests. @param cwd folder to which paths of files are relative */
export function publicEcrMarkdown(result: PublicEcrResult, cwd: string): string {
  const groups = publicEcrGroups(result, cwd).map(({ title, head, rows }) => {
    const heading = `### ${title.charAt(0).toUpperCase()}${title.slice(1)}`;
    const lines = [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))];
    return [heading, '', ...lines.map((row) => `| ${row.join(' | ')} |`)].join('\n');
  });
  return [
    ...groups,
    publicEcrSummary(result)
      .map((line) => `- ${escaped(line)}`)
      .join('\n'),
  ].join('\n\n');
}

function cell(text: string): string {
  return escaped(text);
}

/** Escapes what Markdown and HTML would interpret: names of charts, files and keys are hostile. */
function escaped(text: string): string {
  return printableLine(text)
    .replace(/[\\`*_[\]|~]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('@', '&#64;');
}
