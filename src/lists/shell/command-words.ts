import { Cursor } from './cursor.ts';
import { readWord } from './words.ts';

/** Words of a command, or what only a shell could do with the text. */
type CommandWords = { readonly words: readonly string[] } | { readonly problem: string };

/**
 * Splits a command into words as a shell does: at spaces, with `'…'`, `"…"` and `\`. Runs nothing and expands nothing:
 * variables, substitutions, pipes and redirections are a problem instead of a text.
 */
export function commandWords(text: string): CommandWords {
  const cursor = new Cursor(text);
  const words: string[] = [];
  for (;;) {
    cursor.skipBlanks();
    if (cursor.isAtEnd) break;
    const { position } = cursor;
    const parts = readWord(cursor);
    if (cursor.unclosed !== undefined) return { problem: 'it has a quote without an end' };
    const expansion = parts.find((part) => part.kind !== 'text');
    if (expansion !== undefined) return { problem: `only a shell expands ${expansion.source}` };
    if (cursor.position === position) {
      const operator = cursor.peek() === '\n' ? 'a line break' : cursor.peek();
      return { problem: `only a shell understands ${operator}` };
    }
    words.push(parts.map((part) => (part.kind === 'text' ? part.text : '')).join(''));
  }
  return { words };
}
