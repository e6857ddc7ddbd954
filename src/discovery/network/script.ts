import { redact } from '../../base/redact.ts';
import { inside, type Spot } from '../spot.ts';
import { fetchesOf, MAY_FETCH } from './commands.ts';
import type { NetworkHit } from './need.ts';
import { type ShellWord, shellCommands } from './shell.ts';
import { cleanUrl, isRemote } from './url.ts';
import { type Lookup, Variables } from './variables.ts';

const EVIDENCE_LIMIT = 240;
const PYTHON = /\b(?:urlopen|urlretrieve|requests\.get)\(\s*[rf]?["'](https?:\/\/[^"']+)["']/g;

/**
 * Returns what a shell script or a Python text fetches. The paths contain the line number if the text has several
 * lines.
 */
export function fetchesOfScript(script: string, spot: Spot, lookup: Lookup): NetworkHit[] {
  if (!MAY_FETCH.test(`${script}\n`)) return [];
  const variables = new Variables(lookup);
  const oneLine = !script.trim().includes('\n');
  const at = (line: number): Spot => (oneLine ? spot : inside(spot, `line ${line}`));
  const shell = shellCommands(script).flatMap(({ words, text }) => {
    assign(words, variables);
    const placed = words.map((word) => ({ text: word.text, spot: at(word.line) }));
    return fetchesOfWords(placed, text, variables);
  });
  const python = [...script.matchAll(PYTHON)].map(([call, url = ''], i, all) => ({
    url,
    evidence: evidenceOf(call),
    spot: at(script.slice(0, all[i]?.index).split('\n').length),
  }));
  return [
    ...shell,
    ...python
      .filter(({ url }) => isRemote(url))
      .map((hit) => ({ ...hit, url: cleanUrl(hit.url), kind: 'download' as const })),
  ];
}

/** A word of a command and its path. */
export interface PlacedWord {
  readonly text: string;
  readonly spot: Spot;
}

/** Returns what a command given as a list of words fetches, as in containers. */
export function fetchesOfCommand(words: readonly PlacedWord[], lookup: Lookup): NetworkHit[] {
  return fetchesOfWords(words, words.map(({ text }) => text).join(' '), new Variables(lookup));
}

function fetchesOfWords(words: readonly PlacedWord[], source: string, variables: Variables): NetworkHit[] {
  const script = scriptAmong(words);
  if (script !== undefined) return fetchesOfScript(script.text, script.spot, (name) => variables.valuesOf(name));
  if (!MAY_FETCH.test(`${source} `)) return [];
  const fetches = linesOf(words, variables).flatMap(fetchesOf);
  const distinct = new Map(fetches.map((fetch) => [fetch.url, fetch]));
  return [...distinct.values()].map((fetch) => ({
    ...fetch,
    spot: spotOf(fetch.url, words),
    evidence: evidenceOf(source, fetch.url),
  }));
}

/** Returns the script that `sh -c` or `eval` runs; undefined for other commands. */
function scriptAmong(words: readonly PlacedWord[]): PlacedWord | undefined {
  const shell = words.findIndex(({ text }) => /^(?:.*\/)?(?:(?:ba|da|a|z|k)?sh|su|eval)$/.test(text));
  if (shell < 0) return undefined;
  const option = words.findIndex(({ text }, i) => i > shell && /^-[a-z]*c$/.test(text));
  const at = words[shell]?.text === 'eval' ? shell : option;
  return at < 0 ? undefined : words.find(({ text }, i) => i > at && !/^[-+][a-z]*$/.test(text));
}

/** Expands the variables of a command, once for each value of a loop variable. */
function linesOf(words: readonly PlacedWord[], variables: Variables): string[][] {
  const values = words.map(({ text }) => variables.expand(text));
  const count = Math.max(...values.map((each) => each.length));
  return Array.from({ length: count }, (_, i) =>
    values.flatMap((each, position) => {
      const value = each[i % each.length] ?? '';
      // The shell splits the value of an unquoted variable into words.
      return /^\$(?:\w+|\{\w+\})$/.test(words[position]?.text ?? '') ? value.split(/\s+/) : [value];
    }),
  );
}

function assign(words: readonly ShellWord[], variables: Variables): void {
  const texts = words.map(({ text }) => text);
  if (texts[0] === 'for' && texts[2] === 'in') {
    const values = texts
      .slice(3)
      .flatMap((text) => variables.expand(text))
      .flatMap((text) => text.split(/\s+/));
    variables.set(texts[1] ?? '', values);
  }
  for (const text of texts) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
    if (name !== undefined && value !== undefined && value !== '') variables.set(name, [value]);
    else if (!/^(?:export|local|readonly|declare|typeset|-\w+|then|do|else)$/.test(text)) return;
  }
}

/** Returns the path of the word with the address; that of the command's first word if variables built the address. */
function spotOf(url: string, words: readonly PlacedWord[]): Spot {
  const end = url.slice(url.lastIndexOf('/') + 1);
  const word = words.find(({ text }) => text.includes(url)) ?? words.find(({ text }) => text.includes(end)) ?? words[0];
  return word?.spot ?? { path: '' };
}

/** Headers and users of curl contain secrets that no pattern recognizes. */
const CREDENTIALS = /(\s(?:-H|--header|-u|--user|--password|--token|-b|--cookie)[\s=]+)("[^"]*"|'[^']*'|\S+)/g;

/**
 * Returns the evidence as one line without secrets. A long one is cut to its beginning and, if cut off, the fetched
 * address.
 */
export function evidenceOf(text: string, of = ''): string {
  const clean = redact(text.replace(CREDENTIALS, '$1***').replace(/\s+/g, ' ').trim());
  if (clean.length <= EVIDENCE_LIMIT) return clean;
  const at = clean.indexOf(of);
  if (of === '' || at < 0 || at + of.length <= EVIDENCE_LIMIT) return `${clean.slice(0, EVIDENCE_LIMIT)}…`;
  return `${clean.slice(0, EVIDENCE_LIMIT / 4)}… ${of}`;
}
