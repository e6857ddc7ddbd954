import type { TextEdit } from '../../base/text-edits.ts';
import { wholeOccurrences } from '../../value-tracing/name-segments.ts';

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
