/** Replacement of a range of a text; `end` is exclusive. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Applies edits. Insertions apply before a replacement that starts at the same offset. Of overlapping replacements the first
 * applies; of those with the same start, the longest.
 */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const parts: string[] = [];
  let end = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start || byLength(a, b))) {
    if (edit.start < end) continue;
    parts.push(text.slice(end, edit.start), edit.text);
    end = edit.end;
  }
  return parts.join('') + text.slice(end);
}

/** Orders edits with the same start: insertions first, in the order given, then the longest. */
function byLength(a: TextEdit, b: TextEdit): number {
  const isInserted = (edit: TextEdit): number => Number(edit.end === edit.start);
  return isInserted(b) - isInserted(a) || b.end - a.end;
}
