/** Quotes untrusted text for a message: escaped like JSON, including control characters, cut after 200 characters. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text));
}

// C0 except tab and newline, DEL, C1 (terminals read U+009B as ESC [), line and paragraph separators, and bidirectional
// control characters (Trojan Source, CVE-2021-42574), which disguise names.
// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern matches control characters
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Escapes characters that a terminal interprets: `\x1b` for ESC, `\u202e` for a right-to-left override. Newlines and tabs
 * stay; {@link printableLine} escapes them too.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** Escapes like {@link printable}, and also newlines and tabs, so that the result is one line. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, (character) => (character === '\n' ? '\\n' : '\\t'));
}

/** Collapses white space, line breaks and invisible characters of untrusted text to single spaces. */
export function collapseWhitespace(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
}

/** Serializes a value as JSON and escapes characters that a terminal interprets; parsers read the same value. */
export function jsonText(value: unknown, indent?: number, replacer?: (key: string, value: unknown) => unknown): string {
  return JSON.stringify(value, replacer, indent).replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
