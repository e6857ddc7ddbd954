/** A part of a word: text that is taken literally, or an expansion. */
export type Part = TextPart | VariablePart | UnknownPart;

export interface TextPart {
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
export interface UnknownPart {
  readonly kind: 'unknown';
  readonly source: string;
  readonly line: number;
}

/** Nesting of expansions in the operands of others. */
const MAX_DEPTH = 8;

/** Characters of a shell script, with the line of the next one. */
export class Cursor {
  readonly text: string;
  position = 0;
  line = 1;
  #lines: ReadonlySet<string> | undefined;

  constructor(text: string, line = 1) {
    this.text = text;
    this.line = line;
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  peek(offset = 0): string {
    return this.text[this.position + offset] ?? '';
  }

  startsWith(text: string): boolean {
    return this.text.startsWith(text, this.position);
  }

  step(count = 1): void {
    for (let i = 0; i < count && !this.isAtEnd; i += 1) {
      if (this.peek() === '\n') this.line += 1;
      this.position += 1;
    }
  }

  /** Reports whether any line of the script is this text, without spaces around it: the end of a here-document. */
  hasLine(text: string): boolean {
    this.#lines ??= new Set(this.text.split('\n').map((line) => line.trim()));
    return this.#lines.has(text);
  }

  /** Goes to the next line break, or the end. */
  skipLine(): void {
    const end = this.text.indexOf('\n', this.position);
    this.position = end < 0 ? this.text.length : end;
  }

  /** Skips spaces, line continuations, and, if wanted, line breaks and comments. */
  skipBlanks(andLines = false): void {
    for (;;) {
      const char = this.peek();
      if (this.startsWith('\\\n')) this.step(2);
      else if (char === ' ' || char === '\t' || char === '\r' || (andLines && char === '\n')) this.step();
      else if (andLines && char === '#') this.skipLine();
      else return;
    }
  }
}

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
  skipSubstitution(cursor);
  parts.add({ kind: 'unknown', source: cursor.text.slice(position, Math.min(cursor.position, position + 100)), line });
}

function readSingleQuoted(cursor: Cursor, parts: Parts): void {
  cursor.step();
  parts.text('', cursor.line);
  while (!cursor.isAtEnd && cursor.peek() !== "'") {
    parts.text(cursor.peek(), cursor.line);
    cursor.step();
  }
  cursor.step();
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
  cursor.step();
  parts.text('', cursor.line);
  while (!cursor.isAtEnd && cursor.peek() !== '"') {
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
  cursor.step();
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
    skipSubstitution(cursor);
    unknown();
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

/** Skips to the parenthesis that closes `$(`, over those in quotes, comments and here-documents. */
function skipSubstitution(cursor: Cursor): void {
  for (let depth = 1; !cursor.isAtEnd && depth > 0; ) {
    const char = cursor.peek();
    if (char === '\\') cursor.step();
    else if (char === '<' && skipHereDocument(cursor)) continue;
    else if (char === '#' && /\s/.test(cursor.peek(-1))) cursor.skipLine();
    else if (char === "'" || char === '"') {
      cursor.step();
      while (!cursor.isAtEnd && cursor.peek() !== char) cursor.step(char === '"' && cursor.peek() === '\\' ? 2 : 1);
    } else if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    cursor.step();
  }
}

/** Skips a here-document up to its last line; returns false if there is none. Quotes have no meaning in it. */
function skipHereDocument(cursor: Cursor): boolean {
  const [match, delimiter = ''] =
    /^<<-?[ \t]{0,10}["'\\]?([\w.-]{1,80})["']?/.exec(cursor.text.slice(cursor.position, cursor.position + 120)) ?? [];
  const start = match === undefined ? -1 : cursor.text.indexOf('\n', cursor.position);
  if (start < 0 || !cursor.hasLine(delimiter)) return false;
  cursor.step(start - cursor.position);
  while (!cursor.isAtEnd) {
    cursor.step();
    const { position } = cursor;
    cursor.skipLine();
    if (cursor.text.slice(position, cursor.position).trim() === delimiter) return true;
  }
  return true;
}
