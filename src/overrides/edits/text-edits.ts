import { wholeOccurrences } from '../../value-tracing/name-segments.ts';

/** Replacement of a range of a text; `end` is exclusive. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Applies edits. Of overlapping edits the first applies; of those with the same start, the longest. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const parts: string[] = [];
  let end = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (edit.start < end) continue;
    parts.push(text.slice(end, edit.start), edit.text);
    end = edit.end;
  }
  return parts.join('') + text.slice(end);
}

/**
 * Returns edits that replace `from` with `to`. A reference with registry, path or tag is replaced everywhere; a single
 * word only if it occurs once.
 */
export function replacementEdits(
  text: string,
  { from, to }: { readonly from: string; readonly to: string },
): TextEdit[] {
  const start = text.search(/\S/);
  if (text.trim() === from) return [{ start, end: start + from.length, text: to }];
  const offsets = wholeOccurrences(text, from);
  const replaced = /[/:@]/.test(from) ? offsets : offsets.filter((offset) => text[offset + from.length] !== '=');
  if (replaced.length > 1 && !/[/:@]/.test(from)) return [];
  return replaced.map((offset) => ({ start: offset, end: offset + from.length, text: to }));
}
