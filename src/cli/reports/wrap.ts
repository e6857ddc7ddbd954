import { trimTrailing } from '../../base/text-trim.ts';
import { type Character, charactersOf, textWidth } from './text-width.ts';

/** Characters after which a name may go on in the next line. A dot may be inside a version, and comes last. */
const MARKS: ReadonlySet<string> = new Set('/,:@=');

/**
 * Breaks a line of text into lines of at most `width` columns: at spaces, else after `/ , : @ =`, else after
 * dots, else anywhere. Nothing
 * but spaces at the breaks is left out. A single character may be wider.
 */
export function wrapText(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text];
  const characters = charactersOf(text);
  const lines: string[] = [];
  for (let start = 0; start < characters.length; ) {
    const end = breakAfter(characters, start, width);
    const line = characters.slice(start, end).map((character) => character.text);
    lines.push(trimTrailing(line.join(''), ' '));
    start = end;
    while (characters[start]?.text === ' ') start += 1;
  }
  return lines;
}

/** Returns the index at which the next line starts, but for spaces. */
function breakAfter(characters: readonly Character[], start: number, width: number): number {
  let used = 0;
  let afterSpace: number | undefined;
  let afterMark: number | undefined;
  let afterDot: number | undefined;
  for (let i = start; i < characters.length; i += 1) {
    const { text, width: more } = characters[i] as Character;
    used += more;
    if (used > width && i > start) return text === ' ' ? i : (afterSpace ?? afterMark ?? afterDot ?? i);
    if (text === ' ' && i > start) afterSpace = i + 1;
    else if (MARKS.has(text)) afterMark = i + 1;
    else if (text === '.') afterDot = i + 1;
  }
  return characters.length;
}

/** Returns the width of the longest part of a text that {@link wrapText} breaks only where nothing else is left. */
export function longestPart(text: string, at: 'spaces' | 'marks'): number {
  const parts = text.split(at === 'spaces' ? / / : /(?<=[/,:.@=])| /);
  return parts.reduce((longest, part) => Math.max(longest, textWidth(part)), 0);
}
