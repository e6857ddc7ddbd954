import fc from './property.ts';

/** What ends a line, a comment, a quote, a cell or a document for one reader or another, or moves a terminal's cursor. */
const PIECES = [
  ...['\n', '\r', '\r\n', '\t', '\u0085', '\u2028', '\u2029', '\ufeff', '\u0000', '\u001b[2J', '\u009b31m', '\u202e'],
  ...['\n---\n', '\n...\n', '\nkind: Secret\n', '\n- ', ': ', ' #', '# ', '%YAML 1.1', '<<', '&a', '*a', '!!binary '],
  ...['"', "'", '`', '|', '\\', '\\|', '{', '}', '[', ']', ',', '$', '${', '$${', '%{', '>', '](x)', '../', '/'],
  ...['a', 'b c', '1.0', '0x1', 'yes', '~', '', '=', '?'],
];

/** A text as the worst of charts, registries and bundles would write it. */
export const hostileText = fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join(''));

/** What no output may hold raw: Go's YAML takes some of these for line breaks, and terminals obey the others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
export const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\ufeff]/;
