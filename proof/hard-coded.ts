import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutTagAndDigest } from '../src/value-tracing/name-segments.ts';

/** Unpacks a chart. @returns the folder */
export function unpack(archive: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', archive, '-C', folder]);
  return folder;
}

/**
 * Finds the line, counted from 1, in which a template has a reference literally, so that no value can map it; undefined if
 * the template builds it.
 * @param folder an unpacked chart
 * @param template path as Helm prints it; below an alias the folder has another name, so the path after `templates/` is
 *   compared
 */
export function lineOf(folder: string, template: string, written: string): number | undefined {
  const end = template.slice(template.lastIndexOf('/templates/'));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => `/${file}`.endsWith(end));
  const [file] = files.includes(template) ? [template] : files;
  if (file === undefined || !template.includes('/templates/')) return undefined;
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  const indexes = [written, withoutTagAndDigest(written)].map((text) => lines.findIndex((line) => holds(line, text)));
  const found = indexes.find((index) => index >= 0);
  return found === undefined ? undefined : found + 1;
}

function holds(line: string, text: string): boolean {
  const code = line.replaceAll(/\{\{.*?\}\}/g, (action) => (/["'`]/.test(action) ? action : ''));
  const escaped = text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(`(?<![\\w./@-])${escaped}(?![\\w/-])`).test(code);
}
