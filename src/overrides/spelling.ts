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
export type Spelling = (stretch: Span) => Span;

/** Creates the source mapper of a scalar; undefined if the source does not match the value. */
export function spellingOf(yaml: string, scalar: Scalar): Spelling | undefined {
  if (!scalar.range) return undefined;
  const [start, end] = scalar.range;
  const spelled = lettersOf(yaml, { start, end }, scalar.type);
  const letters = textOf(scalar).replace(/\s/g, '');
  if (spelled.map(({ letter }) => letter).join('') !== letters) return undefined;
  const counts = lettersBefore(textOf(scalar));
  return (stretch) => ({
    start: spelled[counts[stretch.start] ?? 0]?.start ?? start,
    end: spelled[(counts[stretch.end] ?? 0) - 1]?.end ?? end,
  });
}

/** Returns a scalar's text; numbers and booleans as written. */
export function textOf({ value, source }: Scalar): string {
  return typeof value === 'string' ? value : (source ?? '');
}

/** Number of non-blank characters before each offset. */
function lettersBefore(text: string): Uint32Array {
  const counts = new Uint32Array(text.length + 1);
  for (let at = 0; at < text.length; at++) counts[at + 1] = (counts[at] ?? 0) + (isBlank(text[at]) ? 0 : 1);
  return counts;
}

/** Non-blank UTF-16 unit of a value, with its source span. */
interface Letter extends Span {
  readonly letter: string;
}

function lettersOf(yaml: string, { start, end }: Span, type: Scalar.Type | undefined): Letter[] {
  if (type === Scalar.QUOTE_DOUBLE) return doubleQuoted(yaml, start + 1, end - 1);
  // The header of a block scalar (`|2-`, possibly with a comment) has its own line.
  const isBlock = type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED;
  const isQuoted = type === Scalar.QUOTE_SINGLE;
  const letters: Letter[] = [];
  const last = isQuoted ? end - 1 : end;
  for (let at = isBlock ? yaml.indexOf('\n', start) : isQuoted ? start + 1 : start; at < last; at++) {
    const letter = yaml[at] ?? '';
    const length = isQuoted && letter === "'" ? 2 : 1;
    if (!isBlank(letter)) letters.push({ letter, start: at, end: at + length });
    at += length - 1;
  }
  return letters;
}

/** Single-letter escapes of non-blank characters (YAML 1.2.2, 5.7). */
const NAMED: Readonly<Record<string, string>> = { '0': '\0', a: '\x07', b: '\b', e: '\x1b', N: '\x85' };
const LENGTHS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function doubleQuoted(yaml: string, from: number, end: number): Letter[] {
  const letters: Letter[] = [];
  for (let at = from; at < end; ) {
    const { text, length } = yaml[at] === '\\' ? escaped(yaml, at) : { text: yaml[at] ?? '', length: 1 };
    for (const letter of text.split('')) {
      if (!isBlank(letter)) letters.push({ letter, start: at, end: at + length });
    }
    at += length;
  }
  return letters;
}

function escaped(yaml: string, at: number): { readonly text: string; readonly length: number } {
  const name = yaml[at + 1] ?? '';
  const digits = LENGTHS[name];
  if (digits !== undefined) {
    const code = Number.parseInt(yaml.slice(at + 2, at + 2 + digits), 16);
    return { text: String.fromCodePoint(code), length: 2 + digits };
  }
  const isBlankEscape = /[tnvfr \t\n\r_LP]/.test(name);
  return { text: isBlankEscape ? '' : (NAMED[name] ?? name), length: 2 };
}

function isBlank(letter = ''): boolean {
  return /\s/.test(letter);
}
