import { Cursor } from './cursor.ts';
import { type Part, readWord } from './words.ts';

/** A variable of an env file. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly line: number;
  /** Value as a shell reads it, or as `docker run --env-file` does where a shell would take the line for something else. */
  readonly value: readonly Part[];
  /** A shell that sources the file does not take the value as it is written: without quotes it has a space, `&`, `\` or `$`. */
  readonly isUnquoted: boolean;
}

/** A line that cannot be read. Has no text of the line, which may be a secret. */
interface EnvironmentProblem {
  readonly line: number;
  readonly reason: 'no assignment' | 'unclosed quote';
}

interface EnvironmentFile {
  readonly variables: readonly EnvironmentVariable[];
  readonly problems: readonly EnvironmentProblem[];
}

/** Unclosed quotes after which reading ends, because each is searched up to the end of the text. */
const MAX_UNCLOSED = 10;

/** `NAME=`, `export NAME=`. */
const ASSIGNMENT =
  /^(?:(?:export|readonly|declare|typeset)[ \t]{1,20}(?:-[a-zA-Z]{1,10}[ \t]{1,20})?)?([A-Za-z_][A-Za-z0-9_]{0,200})=/;
/** Lines without a value: `set -a`, and `export NAME`, which exports a variable that is set elsewhere. */
const WITHOUT_VALUE =
  /^(?:set[ \t]{1,20}[-+][a-zA-Z]{1,20}|(?:export|readonly)(?:[ \t]{1,20}[A-Za-z_][A-Za-z0-9_]{0,200}){1,20})[ \t]*(?:#|$)/;
/** An assignment of a later line within quotes: the quote was meant to end before. The last line of a key may end in `=`. */
const NEXT_ASSIGNMENT = /\n[ \t]{0,20}(?:export[ \t]{1,20})?[A-Za-z_][A-Za-z0-9_]{0,200}=(?![=\s])/;

/** Returns the name that a line assigns; undefined for any other line. */
export function assignedName(line: string): string | undefined {
  return ASSIGNMENT.exec(line.slice(0, 400))?.[1];
}

/** Reports whether a line is one that env files have besides assignments. */
export function hasNoValue(line: string): boolean {
  return WITHOUT_VALUE.test(line.slice(0, 5000));
}

/** Reads the assignments of an env file, which a shell sources or `docker run --env-file` reads, without running anything. */
export function readEnvironmentFile(text: string): EnvironmentFile {
  const cursor = new Cursor(text);
  const variables: EnvironmentVariable[] = [];
  const problems: EnvironmentProblem[] = [];
  let unclosed = 0;
  for (;;) {
    cursor.skipBlanks(true);
    if (cursor.isAtEnd || unclosed === MAX_UNCLOSED) return { variables, problems };
    const { line } = cursor;
    const [head = '', name = ''] = ASSIGNMENT.exec(cursor.text.slice(cursor.position, cursor.position + 400)) ?? [];
    if (head === '') {
      if (!hasNoValue(restOfLine(cursor))) problems.push({ line, reason: 'no assignment' });
      cursor.skipLine();
      continue;
    }
    cursor.step(head.length);
    const value = readValue(cursor);
    if (value === undefined) {
      problems.push({ line, reason: 'unclosed quote' });
      unclosed += 1;
    } else variables.push({ name, line, ...value });
  }
}

/**
 * Reads a value up to the end of its line or the next assignment. If a quote is not closed, returns undefined and leaves the rest of
 * the line out.
 */
function readValue(cursor: Cursor): Pick<EnvironmentVariable, 'value' | 'isUnquoted'> | undefined {
  const { position, line } = cursor;
  const value = cursor.peek() === '(' ? readArray(cursor) : readWord(cursor);
  const isOpen = cursor.unclosed !== undefined || NEXT_ASSIGNMENT.test(cursor.text.slice(position, cursor.position));
  if (!isOpen) {
    const end = cursor.position;
    cursor.skipBlanks();
    if (cursor.peek() === ';') {
      cursor.step();
      cursor.skipBlanks();
    }
    const isComment = cursor.peek() === '#' && cursor.position > end;
    const isNext = cursor.position > end && ASSIGNMENT.test(cursor.text.slice(cursor.position, cursor.position + 400));
    if (cursor.isAtEnd || cursor.peek() === '\n' || isComment || isNext) {
      const written = cursor.text.slice(position, end);
      // A value that is one expansion, such as $TOKEN, is meant as one.
      const isExpanded = written.includes('\\') || (value.length > 1 && /[$`]/.test(written));
      return { value, isUnquoted: isExpanded && !/["'\n]/.test(written) };
    }
  }
  Object.assign(cursor, { position, line, unclosed: undefined });
  const rest = restOfLine(cursor);
  cursor.skipLine();
  return isOpen
    ? undefined
    : { value: [{ kind: 'text', text: rest.replace(/[ \t]#.*/, '').trim(), line }], isUnquoted: true };
}

/** Reads `(a b)` as the text `a b`. */
function readArray(cursor: Cursor): Part[] {
  const { line } = cursor;
  const parts: Part[] = [];
  cursor.step();
  for (;;) {
    cursor.skipBlanks(true);
    if (cursor.isAtEnd || cursor.peek() === ')') break;
    const { position } = cursor;
    parts.push(...readWord(cursor), { kind: 'text', text: ' ', line: cursor.line });
    if (cursor.position === position) cursor.step();
  }
  cursor.close(')', line);
  return parts;
}

function restOfLine({ text, position }: Cursor): string {
  const end = text.indexOf('\n', position);
  return text.slice(position, end < 0 ? text.length : end);
}
