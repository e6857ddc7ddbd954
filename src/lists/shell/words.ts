import { Cursor } from './cursor.ts';
import { catOfHereDocument, isHereDocument, readBody, readDelimiter } from './here-document.ts';

/** A part of a word: text that is taken literally, or an expansion. */
export type Part = TextPart | VariablePart | UnknownPart;

interface TextPart {
  readonly kind: 'text';
  readonly text: string;
  readonly line: number;
}

export interface VariablePart {
  readonly kind: 'variable';
  readonly name: string;
  /** `:-`, `-`, `:=`, `=`, `:?`, `?`, `:+`, `+`, or `[@]` for all elements of an array. */
  readonly operator: string;
  readonly operand: readonly Part[];
  /** In double quotes, where a value is not split at spaces. */
  readonly isQuoted: boolean;
  readonly source: string;
  readonly line: number;
}

/** An expansion that only a shell can compute: the output of a command, a pattern, arithmetic. */
interface UnknownPart {
  readonly kind: 'unknown';
  readonly source: string;
  readonly line: number;
}

/** Nesting of expansions in the operands of others. */
const MAX_DEPTH = 8;

/** Reads one word: up to a space or an operator outside of quotes. */
export function readWord(cursor: Cursor, ends = ' \t\r\n;&|()<>'): Part[] {
  const parts = new Parts();
  while (!cursor.isAtEnd && (!ends.includes(cursor.peek()) || isProcessSubstitution(cursor))) {
    const char = cursor.peek();
    if (isProcessSubstitution(cursor)) readProcessSubstitution(cursor, parts);
    else if (char === "'") readSingleQuoted(cursor, parts);
    else if (char === '"') readDoubleQuoted(cursor, parts);
    else if (cursor.startsWith("$'")) readEscaped(cursor, parts);
    else if (cursor.startsWith('$"')) cursor.step();
    else if (char === '\\') {
      if (cursor.peek(1) !== '\n') parts.text(cursor.peek(1), cursor.line);
      cursor.step(2);
    } else if (char === '$' || char === '`') readExpansion(cursor, parts, false, 0);
    else if (char === '{' && isBraceList(cursor)) {
      parts.add({
        kind: 'unknown',
        source: cursor.text.slice(cursor.position, cursor.position + 60).split(/\s/, 1)[0] ?? '',
        line: cursor.line,
      });
      cursor.step();
    } else {
      parts.text(char, cursor.line);
      cursor.step();
    }
  }
  return parts.end();
}

/** Collects the parts of a word. */
class Parts {
  readonly #list: Part[] = [];
  #text = '';
  #isOpen = false;
  #line = 0;
  /** Line of the next character of the open text. */
  #nextLine = 0;

  /** Adds literal text. After a line continuation, which its line breaks do not count, a new part begins. */
  text(text: string, line: number): void {
    if (!this.#isOpen || line !== this.#nextLine) {
      this.#close();
      this.#isOpen = true;
      this.#line = line;
    }
    this.#text += text;
    this.#nextLine = text === '\n' ? line + 1 : line;
  }

  add(part: Part): void {
    this.#close();
    this.#list.push(part);
  }

  end(): Part[] {
    this.#close();
    return this.#list;
  }

  #close(): void {
    if (this.#isOpen) this.#list.push({ kind: 'text', text: this.#text, line: this.#line });
    this.#text = '';
    this.#isOpen = false;
  }
}

/** Returns true for `{a,b}`, of which a shell makes several words. */
function isBraceList(cursor: Cursor): boolean {
  return /^\{[^{}\s]{0,200},[^{}\s]{0,200}\}/.test(cursor.text.slice(cursor.position, cursor.position + 500));
}

/** Returns true for `<(...)` and `>(...)`, which are words. */
function isProcessSubstitution(cursor: Cursor): boolean {
  return cursor.startsWith('<(') || cursor.startsWith('>(');
}

function readProcessSubstitution(cursor: Cursor, parts: Parts): void {
  const { position, line } = cursor;
  cursor.step(2);
  skipSubstitution(cursor, line);
  parts.add({ kind: 'unknown', source: cursor.text.slice(position, Math.min(cursor.position, position + 100)), line });
}

function readSingleQuoted(cursor: Cursor, parts: Parts): void {
  const openedAt = cursor.line;
  cursor.step();
  parts.text('', cursor.line);
  while (!cursor.isAtEnd && cursor.peek() !== "'") {
    parts.text(cursor.peek(), cursor.line);
    cursor.step();
  }
  cursor.close("'", openedAt);
}

/** Reads `$'...'`, in which a backslash is kept with what follows: no name has one. */
function readEscaped(cursor: Cursor, parts: Parts): void {
  cursor.step(2);
  while (!cursor.isAtEnd && cursor.peek() !== "'") {
    const length = cursor.peek() === '\\' ? 2 : 1;
    const text = cursor.text.slice(cursor.position, cursor.position + length);
    parts.text(text === '\\n' ? '\n' : text === '\\t' ? '\t' : text, cursor.line);
    cursor.step(length);
  }
  cursor.step();
}

function readDoubleQuoted(cursor: Cursor, parts: Parts): void {
  const openedAt = cursor.line;
  cursor.step();
  readQuotedText(cursor, parts, '"');
  cursor.close('"', openedAt);
}

/** Reads text in which expansions are made, up to a closing character, or to the end if there is none. */
function readQuotedText(cursor: Cursor, parts: Parts, closing: string): void {
  parts.text('', cursor.line);
  while (!cursor.isAtEnd && cursor.peek() !== closing) {
    const char = cursor.peek();
    if (char === '\\') {
      const next = cursor.peek(1);
      if (next !== '\n') parts.text(/["\\$`]/.test(next) ? next : `\\${next}`, cursor.line);
      cursor.step(2);
    } else if (char === '$' || char === '`') readExpansion(cursor, parts, true, 0);
    else {
      parts.text(char, cursor.line);
      cursor.step();
    }
  }
}

function readExpansion(cursor: Cursor, parts: Parts, isQuoted: boolean, depth: number): void {
  const { position: start, line } = cursor;
  const source = (): string => cursor.text.slice(start, Math.min(cursor.position, start + 100));
  const unknown = (): void => parts.add({ kind: 'unknown', source: source(), line });
  if (cursor.peek() === '`') {
    cursor.step();
    while (!cursor.isAtEnd && cursor.peek() !== '`') cursor.step(cursor.peek() === '\\' ? 2 : 1);
    cursor.step();
    unknown();
  } else if (cursor.peek(1) === '(') {
    cursor.step(2);
    const document = catOfHereDocument(cursor);
    if (document === undefined) {
      skipSubstitution(cursor, line);
      unknown();
    } else if (document.isLiteral) parts.text(document.text, document.line);
    else for (const part of partsOf(document.text, document.line)) parts.add(part);
  } else if (cursor.peek(1) === '{') {
    cursor.step(2);
    const part = readBraced(cursor, isQuoted, depth, line);
    if (part === undefined) unknown();
    else parts.add({ ...part, source: source() });
  } else {
    const [, name] = /^\$([A-Za-z_][A-Za-z0-9_]{0,200}|[0-9@*#?!$-])/.exec(cursor.text.slice(start, start + 210)) ?? [];
    cursor.step(1 + (name?.length ?? 0));
    if (name === undefined) parts.text('$', line);
    else parts.add({ kind: 'variable', name, operator: '', operand: [], isQuoted, source: source(), line });
  }
}

/** Reads the rest of `${...}`; returns undefined for what is not understood. */
function readBraced(cursor: Cursor, isQuoted: boolean, depth: number, line: number): VariablePart | undefined {
  const rest = cursor.text.slice(cursor.position, cursor.position + 250);
  const [head = '', name = '', all = '', operator = ''] =
    /^([A-Za-z_][A-Za-z0-9_]{0,200}|[0-9]{1,3})(\[[@*]\])?(:?[-=?+])?/.exec(rest) ?? [];
  const isUnderstood = head !== '' && depth < MAX_DEPTH && (operator !== '' || rest[head.length] === '}');
  cursor.step(head.length);
  const operand = new Parts();
  while (!cursor.isAtEnd && cursor.peek() !== '}') {
    const char = cursor.peek();
    if (char === "'" && !isQuoted) readSingleQuoted(cursor, operand);
    else if (char === '"') readDoubleQuotedOperand(cursor, operand, depth);
    else if ((char === '$' || char === '`') && depth < MAX_DEPTH) readExpansion(cursor, operand, isQuoted, depth + 1);
    else {
      const length = char === '\\' ? 2 : 1;
      operand.text(cursor.text.slice(cursor.position + length - 1, cursor.position + length), cursor.line);
      cursor.step(length);
    }
  }
  cursor.step();
  return isUnderstood
    ? {
        kind: 'variable',
        name,
        operator: all === '' ? operator : '[@]',
        operand: operand.end(),
        isQuoted,
        source: '',
        line,
      }
    : undefined;
}

function readDoubleQuotedOperand(cursor: Cursor, parts: Parts, depth: number): void {
  cursor.step();
  while (!cursor.isAtEnd && cursor.peek() !== '"' && cursor.peek() !== '}') {
    const isExpansion = cursor.peek() === '$' || cursor.peek() === '`';
    if (isExpansion && depth < MAX_DEPTH) readExpansion(cursor, parts, true, depth + 1);
    else {
      parts.text(cursor.peek(), cursor.line);
      cursor.step();
    }
  }
  if (cursor.peek() === '"') cursor.step();
}

/** Returns the parts of a here-document in which expansions are made. */
function partsOf(text: string, line: number): Part[] {
  const parts = new Parts();
  readQuotedText(new Cursor(text, line), parts, '');
  return parts.end();
}

/** Skips to the parenthesis that closes `$(`, over those in quotes, comments and here-documents. */
function skipSubstitution(cursor: Cursor, openedAt: number): void {
  let depth = 1;
  while (!cursor.isAtEnd && depth > 0) {
    const char = cursor.peek();
    if (char === '\\') cursor.step();
    else if (isHereDocument(cursor)) {
      const delimiter = readDelimiter(cursor);
      cursor.skipLine();
      cursor.step();
      readBody(cursor, delimiter);
      continue;
    } else if (char === '#' && /\s/.test(cursor.peek(-1))) cursor.skipLine();
    else if (char === "'" || char === '"') {
      cursor.step();
      while (!cursor.isAtEnd && cursor.peek() !== char) cursor.step(char === '"' && cursor.peek() === '\\' ? 2 : 1);
    } else if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    cursor.step();
  }
  if (depth > 0) cursor.unclosed ??= openedAt;
}
