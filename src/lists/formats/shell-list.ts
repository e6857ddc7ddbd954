import { isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { isDigest } from '../../oci/digest.ts';
import type { ListCollector, Variables } from '../content.ts';
import { type ListKind, takeEntry } from '../rows.ts';
import { type Assignment, type Element, readScript } from '../shell/script.ts';
import { type ExpandedLine, type Unknown, Values } from '../shell/values.ts';
import type { Part } from '../shell/words.ts';

/** Commands that assign what they read. */
const READING: ReadonlySet<string> = new Set(['read', 'mapfile', 'readarray']);

/** Last words of names that hold something about lists, not a list. */
const ABOUT =
  /^(?:VERSIONS?|TAGS?|REPOS?|REPOSITOR(?:Y|IES)|REGISTR(?:Y|IES)|NAMES?|DIRS?|PATHS?|FILES?|COUNT|PREFIX|URLS?|NAMESPACES?)$/;

/**
 * Reads the lists of a shell script: arrays and texts whose name has the word CHARTS or IMAGES, or ends in CHART_LIST or
 * IMAGE_LIST. The script is not run; variables that it assigns are filled in.
 */
export function readShellList(script: string, variables: Variables, collector: ListCollector): void {
  const values = new Values(variables);
  const { assignments, unclosed } = readScript(script);
  for (const assignment of assignments) {
    const kind = listKind(assignment.name);
    if (assignment.elements !== undefined) takeArray(assignment, assignment.elements, kind, values, collector);
    else {
      if (kind !== undefined) takeText(assignment, kind, values, collector);
      values.assign(assignment);
    }
  }
  // Lists after it would be missing without a word.
  if (unclosed !== undefined) {
    collector.problem(
      unclosed,
      'what begins here has no end: a quote, an array or a here-document',
      'check the script with bash -n',
    );
  }
  leaveRead(script, collector);
}

/** Names the lists that a command reads. */
function leaveRead(script: string, collector: ListCollector): void {
  for (const [i, line] of script.split('\n').entries()) {
    const [command = '', ...words] = line.trim().split(/[\s;|]+/);
    const list = READING.has(command) ? words.find(listKind) : undefined;
    if (list !== undefined) collector.leave(i + 1, `${quoted(list)}, which is read when the script runs`);
  }
}

/** Returns what an array holds, by its name: CHARTS, EXTRA_IMAGES, imageList. */
export function listKind(name: string): ListKind {
  const words = name
    .slice(0, 100)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .split('_')
    .filter((word) => word !== '');
  if (ABOUT.test(words.at(-1) ?? '')) return undefined;
  const isList = words.at(-1) === 'LIST';
  const word = words.findLast((one) => /^(?:CHART|IMAGE)S$/.test(one) || (isList && /^(?:CHART|IMAGE)$/.test(one)));
  return word === undefined ? undefined : word.startsWith('CHART') ? 'charts' : 'images';
}

function takeArray(
  assignment: Assignment,
  elements: readonly Element[],
  kind: ListKind,
  values: Values,
  collector: ListCollector,
): void {
  const { name } = assignment;
  const texts: string[] = [];
  for (const { key, value, line } of elements) {
    const { lines, unknown, isSplit } = values.expand(value);
    if (unknown.length > 0) {
      if (kind !== undefined) reportUnknown(unknown, assignment, isExpansion(value), line, collector);
      continue;
    }
    const words = isSplit ? lines.flatMap(wordsOf) : [{ text: lines.map(({ text }) => text).join('\n'), line }];
    texts.push(...words.map(({ text }) => text));
    if (kind === undefined) continue;
    const label =
      key === undefined
        ? undefined
        : values
            .expand(key)
            .lines.map(({ text }) => text)
            .join('');
    for (const word of words) takeEntry(withKey(label, word.text, kind), kind, word.line, collector);
  }
  values.append(name, texts);
  const isNamed = /chart|image/i.test(name) && elements.length > 0;
  if (kind === undefined && isNamed) {
    collector.leave(
      assignment.line,
      `the array ${quoted(name)}: arrays whose names have the word CHARTS or IMAGES are taken`,
    );
  }
}

/** Joins key and value of an associative array: `[nginx]=1.25`, `[cert-manager]="v1.17.2|https://..."`. */
function withKey(key: string | undefined, value: string, kind: ListKind): string {
  if (key === undefined || /^\d*$/.test(key)) return value;
  const fields = value.split('|');
  if (fields.length > 1) return fields.length === 2 && kind === 'charts' ? `${key}|${value}` : value;
  const isVersion = isDigest(value) || (isName('tag', value) && /\d/.test(value));
  if (kind === 'charts') return /^(?:https?|oci):\/\//.test(value) || isVersion ? `${key}|${value}` : value;
  return isVersion ? `${key}${isDigest(value) ? '@' : ':'}${value}` : value;
}

/** Takes a text with one entry in each line or word. */
function takeText(assignment: Assignment, kind: ListKind, values: Values, collector: ListCollector): void {
  const { value = [], line, name } = assignment;
  const { lines, unknown } = values.expand(value);
  if (unknown.length > 0) {
    if (isExpansion(value))
      collector.leave(line, `${quoted(name)}, which is set when the script runs (${quoted(unknown[0]?.source ?? '')})`);
    else reportUnknown(unknown, assignment, false, line, collector);
    return;
  }
  const isFile =
    lines.length === 1 &&
    /\.(?:txt|ya?ml|json|csv|lst|list|tar|t?gz|sh)$/.test(lines[0]?.text ?? '') &&
    kind === 'images';
  if (isFile) {
    collector.leave(line, `the file ${quoted(lines[0]?.text ?? '')} of ${quoted(name)}: give it too`);
    return;
  }
  for (const word of lines.flatMap(wordsOf)) takeEntry(word.text, kind, word.line, collector);
}

/** Splits a line at spaces, except those beside the bars of a row, and drops comments. */
function wordsOf({ text, line }: ExpandedLine): ExpandedLine[] {
  const words = text
    .replace(/(?:^|\s)#.*/, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  const joined: string[] = [];
  for (const word of words) {
    const last = joined.at(-1);
    if (last !== undefined && (last.endsWith('|') || word.startsWith('|'))) joined[joined.length - 1] = last + word;
    else joined.push(word);
  }
  return joined.map((word) => ({ text: word, line }));
}

/** Returns true for a word without text of its own. */
function isExpansion(parts: readonly Part[]): boolean {
  return parts.every((part) => part.kind !== 'text' || part.text === '');
}

/** Elements that a loop or function adds are no rows of a list; of others, a value is missing. */
function reportUnknown(
  unknown: readonly Unknown[],
  { name, isAppended, isConditional }: Assignment,
  isWhole: boolean,
  line: number,
  collector: ListCollector,
): void {
  const [{ source, reason, name: variable }] = unknown as [Unknown];
  const isComputed = isWhole && isAppended && (isConditional || variable === undefined);
  if (isComputed) {
    collector.leave(line, `${quoted(source)}, which the script adds to ${name} when it runs`);
    return;
  }
  const hint = variable === undefined ? 'write the value into the list' : `give it with --var ${variable}=VALUE`;
  collector.problem(line, `${name}: ${quoted(source)} ${reason}`, hint);
}
