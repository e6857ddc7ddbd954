import { Scalar } from 'yaml';

/** Range of offsets in a text; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Maps a span of a scalar's value to its YAML source. Quotes, escapes, folding and indentation make the two differ, but
 * non-blank characters come in the same order, so these are counted. The span must begin and end with a non-blank.
 */
export type SourceMapper = (span: Span) => Span;

/** Creates the source mapper of a scalar; undefined if the source does not match the value. */
export function sourceMapper(yaml: string, scalar: Scalar): SourceMapper | undefined {
  if (!scalar.range) return undefined;
  const [start, end] = scalar.range;
  const source = sourceLetters(yaml, { start, end }, scalar.type);
  const letters = scalarText(scalar).replace(/\s/g, '');
  if (source.map(({ letter }) => letter).join('') !== letters) return undefined;
  const counts = letterCounts(scalarText(scalar));
  return (span) => ({
    start: source[counts[span.start] ?? 0]?.start ?? start,
    end: source[(counts[span.end] ?? 0) - 1]?.end ?? end,
  });
}

/** Returns a scalar's text; numbers and booleans as written. */
export function scalarText({ value, source }: Scalar): string {
  return typeof value === 'string' ? value : (source ?? '');
}

/** Number of non-blank characters before each offset. */
function letterCounts(text: string): Uint32Array {
  const counts = new Uint32Array(text.length + 1);
  for (let offset = 0; offset < text.length; offset++)
    counts[offset + 1] = (counts[offset] ?? 0) + (isBlank(text[offset]) ? 0 : 1);
  return counts;
}

/** Non-blank UTF-16 unit of a value, with its source span. */
interface Letter extends Span {
  readonly letter: string;
}

function sourceLetters(yaml: string, { start, end }: Span, type: Scalar.Type | undefined): Letter[] {
  if (type === Scalar.QUOTE_DOUBLE) return doubleQuoted(yaml, start + 1, end - 1);
  // The header of a block scalar (`|2-`, possibly with a comment) has its own line.
  const isBlock = type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED;
  const isQuoted = type === Scalar.QUOTE_SINGLE;
  const letters: Letter[] = [];
  const last = isQuoted ? end - 1 : end;
  for (let offset = isBlock ? yaml.indexOf('\n', start) : isQuoted ? start + 1 : start; offset < last; offset++) {
    const letter = yaml[offset] ?? '';
    const length = isQuoted && letter === "'" ? 2 : 1;
    if (!isBlank(letter)) letters.push({ letter, start: offset, end: offset + length });
    offset += length - 1;
  }
  return letters;
}

/** Single-letter escapes of non-blank characters (YAML 1.2.2, 5.7). */
const NAMED_ESCAPES: Readonly<Record<string, string>> = { '0': '\0', a: '\x07', b: '\b', e: '\x1b', N: '\x85' };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function doubleQuoted(yaml: string, start: number, end: number): Letter[] {
  const letters: Letter[] = [];
  for (let offset = start; offset < end; ) {
    const { text, length } = yaml[offset] === '\\' ? readEscape(yaml, offset) : { text: yaml[offset] ?? '', length: 1 };
    for (const letter of text.split('')) {
      if (!isBlank(letter)) letters.push({ letter, start: offset, end: offset + length });
    }
    offset += length;
  }
  return letters;
}

function readEscape(yaml: string, offset: number): { readonly text: string; readonly length: number } {
  const name = yaml[offset + 1] ?? '';
  const digits = HEX_DIGITS[name];
  if (digits !== undefined) {
    const code = Number.parseInt(yaml.slice(offset + 2, offset + 2 + digits), 16);
    return { text: String.fromCodePoint(code), length: 2 + digits };
  }
  const isBlankEscape = /[tnvfr \t\n\r_LP]/.test(name);
  return { text: isBlankEscape ? '' : (NAMED_ESCAPES[name] ?? name), length: 2 };
}

function isBlank(letter = ''): boolean {
  return /\s/.test(letter);
}
