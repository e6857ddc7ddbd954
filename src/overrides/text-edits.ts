import { occurrences } from '../influence/slots.ts';

/** Replacement of a range of a text; `end` is exclusive. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Applies edits. Of overlapping edits the first applies; of those with the same start, the longest. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (edit.start < at) continue;
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  return parts.join('') + text.slice(at);
}

/** Returns the offsets of whole references: not the end of a private name, and not the beginning of a longer one. */
export function wholeOccurrences(text: string, reference: string): number[] {
  const found = occurrences(text, reference, /[\w./@-]/, /[\w/@:-]/);
  // A dot either ends a sentence or continues the tag.
  return found.filter((at) => !/^\.\w/.test(text.slice(at + reference.length)));
}

/**
 * Returns edits that replace `from` with `to`. A reference with registry, path or tag is replaced everywhere; a single
 * word only if it occurs once.
 */
export function editsFor(text: string, { from, to }: { readonly from: string; readonly to: string }): Edit[] {
  const start = text.search(/\S/);
  if (text.trim() === from) return [{ start, end: start + from.length, text: to }];
  const all = wholeOccurrences(text, from);
  const meant = /[/:@]/.test(from) ? all : all.filter((at) => text[at + from.length] !== '=');
  if (meant.length > 1 && !/[/:@]/.test(from)) return [];
  return meant.map((at) => ({ start: at, end: at + from.length, text: to }));
}
