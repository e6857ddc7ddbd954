import { occurrences } from '../influence/slots.ts';

/** One stretch of a text, and what is to stand there. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Makes all edits; of two that overlap, the one that begins first, and of those the longer. */
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

/** Where a reference stands in a text as a whole: not as the tail of a private name, and not as the head of a longer one. */
export function wholeOccurrences(text: string, reference: string): number[] {
  const found = occurrences(text, reference, /[\w./@-]/, /[\w/@:-]/);
  // A dot ends a sentence, or goes on to a longer tag.
  return found.filter((at) => !/^\.\w/.test(text.slice(at + reference.length)));
}

/**
 * Where a text is to be changed so that it has `to` for `from`. A reference with registry, path or tag is meant wherever
 * it stands in the text; one that is a single word is meant only where there is no doubt.
 */
export function editsFor(text: string, { from, to }: { readonly from: string; readonly to: string }): Edit[] {
  const start = text.search(/\S/);
  if (text.trim() === from) return [{ start, end: start + from.length, text: to }];
  const all = wholeOccurrences(text, from);
  const meant = /[/:@]/.test(from) ? all : all.filter((at) => text[at + from.length] !== '=');
  if (meant.length > 1 && !/[/:@]/.test(from)) return [];
  return meant.map((at) => ({ start: at, end: at + from.length, text: to }));
}
