import fc from './property.ts';

/** Texts that end a line, comment, quote, table cell or document for some reader, or control a terminal. */
const FRAGMENTS = [
  ...['\n', '\r', '\r\n', '\t', '\u0085', '\u2028', '\u2029', '\ufeff', '\u0000', '\u001b[2J', '\u009b31m', '\u202e'],
  ...['\n---\n', '\n...\n', '\nkind: Secret\n', '\n- ', ': ', ' #', '# ', '%YAML 1.1', '<<', '&a', '*a', '!!binary '],
  ...['"', "'", '`', '|', '\\', '\\|', '{', '}', '[', ']', ',', '$', '${', '$${', '%{', '>', '](x)', '../', '/'],
  ...['a', 'b c', '1.0', '0x1', 'yes', '~', '', '=', '?'],
];

/** Texts of a malicious chart, registry or bundle. */
export const hostileText = fc
  .array(fc.constantFrom(...FRAGMENTS), { maxLength: 8 })
  .map((fragments) => fragments.join(''));

/** Characters that output must escape: Go's YAML reads some of them as line breaks, terminals interpret the others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters on purpose
export const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\ufeff]/;
