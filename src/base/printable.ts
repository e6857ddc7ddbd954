/** Quotes a foreign text for a message: escaped like JSON, control characters too, and cut after 200 characters. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text));
}

// C0 but tab and newline, DEL, C1 (a terminal reads U+009B as ESC [), line and paragraph separators, and the
// characters that change the direction of text (Trojan Source, CVE-2021-42574), which hide what a name really is.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Text for people, with every character escaped that a terminal would obey instead of show: `\x1b` for ESC, `\u202e` for
 * a change of direction. Newlines and tabs stay; for what must be one line there is {@link printableLine}.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same for one line: newlines and tabs are escaped too. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, (character) => (character === '\n' ? '\\n' : '\\t'));
}

/** Foreign words for a sentence: white space, breaks and characters that do not show are one space each time. */
export function inOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
}

/** JSON of a value, in which no character is left that a terminal would obey: `\\u009b` reads the same. */
export function jsonText(value: unknown, indent?: number, replacer?: (key: string, value: unknown) => unknown): string {
  return JSON.stringify(value, replacer, indent).replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
