import type { Cursor } from './cursor.ts';

/** `<<WORD`, `<<-WORD`, `<<'WORD'`. A word that begins with a digit belongs to arithmetic. */
const OPENING = /^<<(-?)[ \t]{0,10}(["'\\]?)([A-Za-z_][\w.-]{0,80})["']?/;

export interface Delimiter {
  readonly word: string;
  /** The word is quoted: nothing is expanded in the text. */
  readonly isLiteral: boolean;
  readonly line: number;
}

/** Reports whether a here-document is announced at the cursor. */
export function isHereDocument(cursor: Cursor): boolean {
  // `<<<` is followed by a text.
  const isShort = cursor.startsWith('<<') && cursor.peek(-1) !== '<';
  return isShort && OPENING.test(cursor.text.slice(cursor.position, cursor.position + 120));
}

/** Reads `<<WORD`. */
export function readDelimiter(cursor: Cursor): Delimiter {
  const { line } = cursor;
  const [match = '<<', , quote = '', word = ''] =
    OPENING.exec(cursor.text.slice(cursor.position, cursor.position + 120)) ?? [];
  cursor.step(match.length);
  return { word, isLiteral: quote !== '', line };
}

/** Reads the text of a here-document, from the line after its announcement, and the line that ends it. */
export function readBody(cursor: Cursor, { word, line }: Delimiter): string {
  const from = cursor.position;
  while (!cursor.isAtEnd) {
    const start = cursor.position;
    cursor.skipLine();
    const isEnd = cursor.text.slice(start, Math.min(cursor.position, start + 200)).trim() === word;
    cursor.step();
    if (isEnd) return cursor.text.slice(from, start);
  }
  cursor.unclosed ??= line;
  return cursor.text.slice(from);
}

/** Reads the rest of `$(cat <<WORD ... WORD)`, which is a text over several lines; undefined for any other command. */
export function catOfHereDocument(
  cursor: Cursor,
): { readonly text: string; readonly line: number; readonly isLiteral: boolean } | undefined {
  const start = { position: cursor.position, line: cursor.line };
  const [command] =
    /^[ \t]{0,10}cat[ \t]{0,10}(?=<<)/.exec(cursor.text.slice(start.position, start.position + 40)) ?? [];
  if (command === undefined) return undefined;
  cursor.step(command.length);
  if (isHereDocument(cursor)) {
    const delimiter = readDelimiter(cursor);
    cursor.skipBlanks();
    if (cursor.peek() === '\n') {
      cursor.step();
      const { line } = cursor;
      const text = readBody(cursor, delimiter);
      cursor.skipBlanks(true);
      if (cursor.peek() === ')') {
        cursor.step();
        return { text, line, isLiteral: delimiter.isLiteral };
      }
    }
  }
  cursor.position = start.position;
  cursor.line = start.line;
  return undefined;
}
