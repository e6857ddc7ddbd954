import { nameOf, occurrences } from '../influence/slots.ts';
import type { PostRenderEntry } from './post-render-map.ts';
import { applyEdits, type Edit, wholeOccurrences } from './text-edits.ts';

/** One place in a chart's file where something else is to be written. */
export interface TemplateChange {
  /** Path in the chart, below its own folder. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly from: string;
  readonly to: string;
}

/** A change with its place in the text. */
export interface PlacedChange extends TemplateChange {
  readonly edit: Edit;
}

/**
 * Where templates have, in so many words, what a post-renderer would change in their manifests. There is nothing for a
 * reference that a template puts together.
 * @param files texts of the chart by path
 * @param fileOf path of a template in the chart, by the name that Helm prints
 */
export function templateChanges(
  files: ReadonlyMap<string, string>,
  entries: readonly PostRenderEntry[],
  fileOf: (template: string) => string,
): PlacedChange[] {
  const found = new Map<string, PlacedChange>();
  for (const entry of entries) {
    for (const file of candidates(files, entry, fileOf(entry.template))) {
      const changes = changesIn(file, files.get(file) ?? '', entry);
      for (const change of changes) found.set(`${file}\n${change.edit.start}`, change);
      if (changes.length > 0) break;
    }
  }
  return [...found.values()].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** The texts that the changes make, by path. */
export function changedTexts(
  files: ReadonlyMap<string, string>,
  changes: readonly PlacedChange[],
): ReadonlyMap<string, string> {
  const byFile = Map.groupBy(changes, ({ file }) => file);
  return new Map(
    [...byFile].map(([file, mine]) => {
      const edits = mine.map(({ edit }) => edit);
      return [file, applyEdits(files.get(file) ?? '', edits)];
    }),
  );
}

/** A file that no manifest is made of: it holds what templates include. */
export function isPartial(path: string): boolean {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  return folders.includes('templates') && (name.startsWith('_') || name.endsWith('.tpl'));
}

/** The template itself; then what it may include, where a single word would be too little to go by. */
function candidates(files: ReadonlyMap<string, string>, { from }: PostRenderEntry, file: string): string[] {
  if (!/[/:@]/.test(from)) return [file];
  const partials = [...files.keys()].filter(isPartial);
  return [file, ...partials.filter((path) => path !== file).sort()];
}

function changesIn(file: string, text: string, entry: PostRenderEntry): PlacedChange[] {
  const change = (start: number, from: string, to: string): PlacedChange => ({
    file,
    line: text.slice(0, start).split('\n').length,
    from,
    to,
    edit: { start, end: start + from.length, text: to },
  });
  const { from, to } = entry;
  if (!/[/:@]/.test(from)) return wordsOf(text, entry).map((start) => change(start, from, to));
  const whole = wholeOccurrences(text, from);
  if (whole.length > 0) return whole.map((start) => change(start, from, to));
  // The tag often comes from the chart's appVersion.
  const [name, renamed] = [nameOf(from), nameOf(to)];
  const named = occurrences(text, name, /[\w./@-]/, /[\w/.-]/);
  return name === from ? [] : named.map((start) => change(start, name, renamed));
}

/** A single word is meant behind the key of its field, or where the text has it once. */
function wordsOf(text: string, { from, path = '', within }: PostRenderEntry): number[] {
  const whole = wholeOccurrences(text, from);
  const last = (within ?? path).split(/[^\w[\]-]/).at(-1) ?? '';
  const key = /^[\w-]+/.exec(last)?.[0];
  const keyed = whole.filter((at) => {
    const [before, after] = [text.slice(0, at), text.slice(at + from.length)];
    const own = /^[ \t]*(?:- +)?["']?([\w-]+)["']?:[ \t]*["']?$/.exec(before.slice(before.lastIndexOf('\n') + 1));
    return own !== null && own[1] === key && /^["']?[ \t]*(?:#.*)?\r?(?:\n|$)/.test(after);
  });
  return keyed.length > 0 ? keyed : whole.length === 1 ? whole : [];
}
