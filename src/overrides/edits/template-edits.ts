import { applyEdits, type TextEdit } from '../../base/text-edits.ts';
import { compareText } from '../../base/text-order.ts';
import { occurrences, wholeOccurrences, withoutTagAndDigest } from '../../value-tracing/name-segments.ts';
import type { PostRenderEntry, PullSecretEntry } from './post-render-map.ts';

/** Text replaced in one line of a chart file. */
export interface TemplateChange {
  /** Path relative to the chart's root. */
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
  readonly from: string;
  readonly to: string;
}

/** Template change with the edit of the file's text. */
export interface TemplateEdit extends TemplateChange {
  readonly edit: TextEdit;
}

/**
 * Finds literal occurrences, in chart templates, of the texts that a post-renderer would replace in their manifests.
 * References that a template assembles are not found.
 * @param files texts of the chart by path
 * @param fileOf converts a template name printed by Helm to a path in the chart
 */
export function findTemplateEdits(
  files: ReadonlyMap<string, string>,
  entries: readonly PostRenderEntry[],
  fileOf: (template: string) => string,
): TemplateEdit[] {
  const found = new Map<string, TemplateEdit>();
  for (const entry of entries) {
    for (const file of candidateFiles(files, entry, fileOf(entry.template))) {
      const changes = editsInFile(file, files.get(file) ?? '', entry);
      for (const change of changes) found.set(`${file}\n${change.edit.start}`, change);
      if (changes.length > 0) break;
    }
  }
  return [...found.values()].sort((a, b) => compareText(a.file, b.file) || a.line - b.line);
}

/**
 * Returns edits that insert a pull secret before each literal `containers:` in templates. Only a render shows which of
 * them apply to which pod.
 * @param files texts of the chart by path
 * @param fileOf converts a template name printed by Helm to a path in the chart
 */
export function templateSecretEdits(
  files: ReadonlyMap<string, string>,
  pods: readonly PullSecretEntry[],
  fileOf: (template: string) => string,
  secret: string,
): TemplateEdit[] {
  const podFiles = new Set(pods.map(({ template }) => fileOf(template)));
  const partials = [...files.keys()].filter(isPartial);
  return [...new Set([...podFiles, ...partials])].sort().flatMap((file) => {
    const text = files.get(file) ?? '';
    return [...text.matchAll(/^( *)containers:[ \t]*$/gm)].map(({ index, 1: indent = '' }): TemplateEdit => {
      const to = `${indent}imagePullSecrets:\n${indent}- name: ${secret}\n`;
      const line = text.slice(0, index).split('\n').length;
      return { file, line, from: '', to: to.trimEnd(), edit: { start: index, end: index, text: to } };
    });
  });
}

/** Returns the changed files by path. */
export function applyTemplateEdits(
  files: ReadonlyMap<string, string>,
  changes: readonly TemplateEdit[],
): ReadonlyMap<string, string> {
  const byFile = Map.groupBy(changes, ({ file }) => file);
  return new Map(
    [...byFile].map(([file, fileEdits]) => {
      const edits = fileEdits.map(({ edit }) => edit);
      return [file, applyEdits(files.get(file) ?? '', edits)];
    }),
  );
}

/** Reports whether a file is a partial, which renders no manifest itself. */
function isPartial(path: string): boolean {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  return folders.includes('templates') && (name.startsWith('_') || name.endsWith('.tpl'));
}

/** Returns the template itself, then the partials that it may include; for a single word, the template only. */
function candidateFiles(files: ReadonlyMap<string, string>, { from }: PostRenderEntry, file: string): string[] {
  if (!/[/:@]/.test(from)) return [file];
  const partials = [...files.keys()].filter(isPartial);
  return [file, ...partials.filter((path) => path !== file).sort()];
}

function editsInFile(file: string, text: string, entry: PostRenderEntry): TemplateEdit[] {
  const change = (start: number, from: string, to: string): TemplateEdit => ({
    file,
    line: text.slice(0, start).split('\n').length,
    from,
    to,
    edit: { start, end: start + from.length, text: to },
  });
  const { from, to } = entry;
  if (!/[/:@]/.test(from)) return wordOffsets(text, entry).map((start) => change(start, from, to));
  const offsets = wholeOccurrences(text, from);
  if (offsets.length > 0) return offsets.map((start) => change(start, from, to));
  // The tag often comes from the chart's appVersion.
  const [name, renamed] = [withoutTagAndDigest(from), withoutTagAndDigest(to)];
  const nameOffsets = occurrences(text, name, /[\w./@-]/, /[\w/.-]/);
  return name === from ? [] : nameOffsets.map((start) => change(start, name, renamed));
}

/** Offsets of a single word: after the key of its field, otherwise only if it occurs once. */
function wordOffsets(text: string, { from, path = '', within }: PostRenderEntry): number[] {
  const offsets = wholeOccurrences(text, from);
  const last = (within ?? path).split(/[^\w[\]-]/).at(-1) ?? '';
  const key = /^[\w-]+/.exec(last)?.[0];
  const keyed = offsets.filter((offset) => {
    const [before, after] = [text.slice(0, offset), text.slice(offset + from.length)];
    const keyMatch = /^[ \t]*(?:- +)?["']?([\w-]+)["']?:[ \t]*["']?$/.exec(before.slice(before.lastIndexOf('\n') + 1));
    return keyMatch !== null && keyMatch[1] === key && /^["']?[ \t]*(?:#.*)?\r?(?:\n|$)/.test(after);
  });
  return keyed.length > 0 ? keyed : offsets.length === 1 ? offsets : [];
}
