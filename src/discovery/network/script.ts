import { type FieldPath, nestedPath } from '../../base/field-path.ts';
import { redact } from '../../base/redact.ts';
import {
  inlineScript,
  parseAssignment,
  type ShellWord,
  shellCommands,
  shellWords,
  type VariableLookup,
  Variables,
} from '../shell/index.ts';
import { FETCHING_PROGRAMS, fetchesOf } from './commands.ts';
import { cleanUrl, isRemote, type NetworkMatch } from './fetch.ts';

const EVIDENCE_LIMIT = 240;
const PYTHON = /\b(?:urlopen|urlretrieve|requests\.get)\(\s*[rf]?["'](https?:\/\/[^"']+)["']/g;

/**
 * Returns what a shell script or a Python text fetches. The paths contain the line number if the text has several
 * lines.
 */
export function fetchesOfScript(script: string, fieldPath: FieldPath, lookup: VariableLookup): NetworkMatch[] {
  if (!FETCHING_PROGRAMS.test(`${script}\n`)) return [];
  const variables = new Variables(lookup);
  const isOneLine = !script.trim().includes('\n');
  const linePath = (line: number): FieldPath => (isOneLine ? fieldPath : nestedPath(fieldPath, `line ${line}`));
  const shell = shellCommands(script).flatMap(({ words, text }) => {
    collectAssignments(words, variables);
    const located = words.map((word) => ({ text: word.text, fieldPath: linePath(word.line) }));
    return fetchesOfWords(located, text, variables);
  });
  const python = [...script.matchAll(PYTHON)].map(([call, url = ''], i, all) => ({
    url,
    evidence: evidenceText(call),
    fieldPath: linePath(script.slice(0, all[i]?.index).split('\n').length),
  }));
  return [
    ...shell,
    ...python
      .filter(({ url }) => isRemote(url))
      .map((match) => ({ ...match, url: cleanUrl(match.url), kind: 'download' as const })),
  ];
}

/** A word of a command and its path. */
export interface LocatedWord {
  readonly text: string;
  readonly fieldPath: FieldPath;
}

/** Returns what a command given as a list of words fetches, as in containers. */
export function fetchesOfCommand(words: readonly LocatedWord[], lookup: VariableLookup): NetworkMatch[] {
  return fetchesOfWords(words, words.map(({ text }) => text).join(' '), new Variables(lookup));
}

function fetchesOfWords(words: readonly LocatedWord[], source: string, variables: Variables): NetworkMatch[] {
  const script = inlineScript(words, ({ text }) => text);
  if (script !== undefined) return fetchesOfScript(script.text, script.fieldPath, (name) => variables.valuesOf(name));
  if (!FETCHING_PROGRAMS.test(`${source} `)) return [];
  const fetches = expandedCommands(words, variables).flatMap(fetchesOf);
  const distinct = new Map(fetches.map((fetch) => [fetch.url, fetch]));
  return [...distinct.values()].map((fetch) => ({
    ...fetch,
    fieldPath: pathOfAddress(fetch.url, words),
    evidence: evidenceText(source, fetch.url),
  }));
}

/** Expands the variables of a command, once for each value of a loop variable. */
function expandedCommands(words: readonly LocatedWord[], variables: Variables): string[][] {
  const expansions = words.map(({ text }) => variables.expand(text));
  const count = Math.max(...expansions.map((alternatives) => alternatives.length));
  return Array.from({ length: count }, (_, i) =>
    expansions.flatMap((alternatives, position) => {
      const value = alternatives[i % alternatives.length] ?? '';
      return shellWords(words[position]?.text ?? '', value);
    }),
  );
}

function collectAssignments(words: readonly ShellWord[], variables: Variables): void {
  const texts = words.map(({ text }) => text);
  if (texts[0] === 'for' && texts[2] === 'in') {
    const values = texts
      .slice(3)
      .flatMap((text) => variables.expand(text))
      .flatMap((text) => text.split(/\s+/));
    variables.set(texts[1] ?? '', values);
  }
  for (const text of texts) {
    const { name, value = '' } = parseAssignment(text) ?? {};
    if (name !== undefined && value !== '') variables.set(name, [value]);
    else if (!/^(?:export|local|readonly|declare|typeset|-\w+|then|do|else)$/.test(text)) return;
  }
}

/** Returns the path of the word with the address; that of the command's first word if variables built the address. */
function pathOfAddress(url: string, words: readonly LocatedWord[]): FieldPath {
  const lastComponent = url.slice(url.lastIndexOf('/') + 1);
  const word =
    words.find(({ text }) => text.includes(url)) ?? words.find(({ text }) => text.includes(lastComponent)) ?? words[0];
  return word?.fieldPath ?? { path: '' };
}

/** Headers and users of curl contain secrets that no pattern recognizes. */
const CREDENTIALS = /(\s(?:-H|--header|-u|--user|--password|--token|-b|--cookie)[\s=]+)("[^"]*"|'[^']*'|\S+)/g;

/**
 * Returns the evidence as one line without secrets. A long one is cut to its beginning and, if cut off, the fetched
 * address.
 */
export function evidenceText(text: string, address = ''): string {
  const redacted = redact(text.replace(CREDENTIALS, '$1***').replace(/\s+/g, ' ').trim());
  if (redacted.length <= EVIDENCE_LIMIT) return redacted;
  const index = redacted.indexOf(address);
  if (address === '' || index < 0 || index + address.length <= EVIDENCE_LIMIT)
    return `${redacted.slice(0, EVIDENCE_LIMIT)}…`;
  return `${redacted.slice(0, EVIDENCE_LIMIT / 4)}… ${address}`;
}
