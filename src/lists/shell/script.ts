import { Cursor } from './cursor.ts';
import { type Delimiter, isHereDocument, readBody, readDelimiter } from './here-document.ts';
import { type Part, readWord } from './words.ts';

/** An assignment of a script: `NAME=value`, `NAME+=value`, `NAME=(...)`, `NAME[key]=value`, also after `declare`. */
export interface Assignment {
  readonly name: string;
  readonly line: number;
  readonly isAppended: boolean;
  /** Within `if`, `case` or a loop, or after `&&` or `||`: a run may leave it out. */
  readonly isConditional: boolean;
  /** Absent for an array. */
  readonly value?: readonly Part[];
  /** Elements of an array; those of an associative one have keys. */
  readonly elements?: readonly Element[];
}

export interface Element {
  readonly key?: readonly Part[];
  readonly value: readonly Part[];
  readonly line: number;
}

/** Commands whose arguments are assignments. */
const DECLARING: ReadonlySet<string> = new Set(['declare', 'typeset', 'local', 'export', 'readonly']);
const OPENING: ReadonlySet<string> = new Set(['if', 'case', 'for', 'while', 'until', 'select']);
const CLOSING: ReadonlySet<string> = new Set(['fi', 'esac', 'done']);
/** Words after which a command begins. */
const LEADING: ReadonlySet<string> = new Set([
  'then',
  'else',
  'elif',
  'do',
  '!',
  'time',
  '{',
  '}',
  ...OPENING,
  ...CLOSING,
]);

export interface Script {
  readonly assignments: readonly Assignment[];
  /** Line of a quote, array or here-document without an end; what follows was not read. */
  readonly unclosed: number | undefined;
}

/**
 * Returns the assignments of a shell script in their order, without running anything. Understands quotes, comments,
 * here-documents and line continuations, and tolerates text that is not shell. Linear in the script.
 */
export function readScript(script: string): Script {
  return new ScriptReader(script).read();
}

class ScriptReader {
  readonly #cursor: Cursor;
  readonly #assignments: Assignment[] = [];
  /** Assignments before the name of a command, for which alone they are. */
  #pending: Assignment[] = [];
  #hereDocuments: Delimiter[] = [];
  #depth = 0;
  /** May the next word be an assignment? */
  #mayAssign = true;
  #isDeclaring = false;
  #isAfterTest = false;

  constructor(script: string) {
    this.#cursor = new Cursor(script);
  }

  read(): Script {
    const cursor = this.#cursor;
    while (!cursor.isAtEnd) {
      cursor.skipBlanks();
      if (cursor.isAtEnd) break;
      const char = cursor.peek();
      if (char === '#') cursor.skipLine();
      else if (cursor.startsWith('((')) this.#arithmetic();
      else if (isHereDocument(cursor)) this.#hereDocuments.push(readDelimiter(cursor));
      else if (char === '<' || char === '>') cursor.step();
      else if ('\n;&|()'.includes(char)) this.#endCommand(char);
      else this.#word();
    }
    this.#commit();
    return { assignments: this.#assignments, unclosed: cursor.unclosed };
  }

  /** Skips `((...))`, in which `<<` is an operator. */
  #arithmetic(): void {
    const cursor = this.#cursor;
    const length = cursor.text.slice(cursor.position, cursor.position + 1000).indexOf('))');
    cursor.step(length < 0 ? 2 : length + 2);
  }

  #endCommand(char: string): void {
    this.#commit();
    const isTest = this.#cursor.startsWith('&&') || this.#cursor.startsWith('||');
    this.#cursor.step(isTest ? 2 : 1);
    // A test goes on in the next line.
    if (isTest || char !== '\n') this.#isAfterTest = isTest;
    if (char === '\n') this.#skipHereDocuments();
  }

  #commit(): void {
    this.#assignments.push(...this.#pending);
    this.#pending = [];
    this.#mayAssign = true;
    this.#isDeclaring = false;
  }

  #word(): void {
    const cursor = this.#cursor;
    const assignment = this.#mayAssign ? this.#assignment() : undefined;
    if (assignment !== undefined) {
      this.#pending.push(assignment);
      this.#isAfterTest = false;
      return;
    }
    const { position } = cursor;
    readWord(cursor);
    // A character that ends no command and begins no word.
    if (cursor.position === position) cursor.step();
    if (!this.#mayAssign) return;
    const text = cursor.text.slice(position, Math.min(cursor.position, position + 20));
    if (OPENING.has(text)) this.#depth += 1;
    else if (CLOSING.has(text)) this.#depth = Math.max(this.#depth - 1, 0);
    if (LEADING.has(text) || (this.#isDeclaring && /^-/.test(text))) return;
    if (DECLARING.has(text)) this.#isDeclaring = true;
    else if (!this.#isDeclaring) {
      this.#pending = [];
      this.#mayAssign = false;
      this.#isAfterTest = false;
    }
  }

  #assignment(): Assignment | undefined {
    const cursor = this.#cursor;
    const { line, position } = cursor;
    const rest = cursor.text.slice(position, position + 300);
    const [head, name = '', bracket, plus] = /^([A-Za-z_][A-Za-z0-9_]{0,200})(?:(\[)|(\+)?=)/.exec(rest) ?? [];
    if (head === undefined) return undefined;
    const details = { name, line, isConditional: this.#depth > 0 || this.#isAfterTest };
    if (bracket !== undefined) {
      cursor.step(head.length);
      const key = readWord(cursor, ']\n');
      const [sign] = /^\]\+?=/.exec(cursor.text.slice(cursor.position, cursor.position + 3)) ?? [];
      if (sign === undefined) return undefined;
      cursor.step(sign.length);
      return { ...details, isAppended: true, elements: [{ key, value: readWord(cursor), line }] };
    }
    cursor.step(head.length);
    const isAppended = plus !== undefined;
    if (cursor.peek() !== '(') return { ...details, isAppended, value: readWord(cursor) };
    cursor.step();
    return { ...details, isAppended, elements: this.#elements(line) };
  }

  #elements(openedAt: number): Element[] {
    const cursor = this.#cursor;
    const elements: Element[] = [];
    for (;;) {
      cursor.skipBlanks(true);
      if (cursor.isAtEnd || cursor.peek() === ')') break;
      const { line, position } = cursor;
      const key = this.#key();
      const value = readWord(cursor);
      if (cursor.position === position) cursor.step();
      else elements.push(key === undefined ? { value, line } : { key, value, line });
    }
    cursor.close(')', openedAt);
    return elements;
  }

  /** Reads `[key]=` of an element. */
  #key(): Part[] | undefined {
    const cursor = this.#cursor;
    if (cursor.peek() !== '[') return undefined;
    cursor.step();
    const key = readWord(cursor, ']\n');
    cursor.step(cursor.peek(1) === '=' ? 2 : 1);
    return key;
  }

  #skipHereDocuments(): void {
    for (const delimiter of this.#hereDocuments) readBody(this.#cursor, delimiter);
    this.#hereDocuments = [];
  }
}
