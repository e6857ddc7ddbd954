import { printableLine } from '../base/printable.ts';
import { before } from '../base/text-ends.ts';
import type { RenderOptions } from '../helm/render.ts';

/**
 * Where the values of a profile came from, by name alone: base names of values files, and keys that `--set` and its like
 * set. Values may be secret and paths tell of the machine, so neither is in it. Empty for the chart's defaults.
 */
export interface Given {
  readonly files?: string[] | undefined;
  /** As `flag key`: `--set image.tag`. */
  readonly set?: string[] | undefined;
}

/** A profile that a bundle was made with. */
export interface BundledProfile {
  readonly name: string;
  /** Where its values came from, where the bundle says so. */
  readonly given?: Given;
  /** The chart that installs this one with values of its own. */
  readonly parent?: string;
}

/** Helm's flags for single values, with how many keys one of them may set. */
const SET_FLAGS = [
  { flag: '--set', key: 'set', several: true },
  { flag: '--set-string', key: 'setString', several: true },
  { flag: '--set-json', key: 'setJson', several: false },
  { flag: '--set-file', key: 'setFile', several: true },
  { flag: '--set-literal', key: 'setLiteral', several: false },
] as const satisfies readonly { flag: string; key: keyof RenderOptions; several: boolean }[];

/** One key that a flag sets. */
export interface SetKey {
  readonly flag: string;
  /** As Helm writes it, `image.repository` or `list[0].name`. */
  readonly key: string;
}

/** What `--set` and its like set, by key. */
export function setKeys(options: RenderOptions): SetKey[] {
  return SET_FLAGS.flatMap(({ flag, key, several }) =>
    (options[key] ?? []).flatMap((text) => keysOf(text, several).map((name) => ({ flag, key: name }))),
  );
}

/** Text before the first `=` of each assignment; a JSON object instead of one is set at the root and has none. */
function keysOf(text: string, several: boolean): string[] {
  const assignments = several ? splitAssignments(text) : [text];
  return assignments.flatMap((assignment) => {
    const at = assignment.indexOf('=');
    return at < 1 || assignment.trimStart().startsWith('{') ? [] : [assignment.slice(0, at).trim()];
  });
}

/** At commas that are not escaped and not inside `{…}`, as Helm's strvals does. */
function splitAssignments(text: string): string[] {
  const found: string[] = [];
  let [current, depth] = ['', 0];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '\\') {
      current += character + (text[at + 1] ?? '');
      at += 1;
    } else if (character === ',' && depth === 0) {
      found.push(current);
      current = '';
    } else {
      if (character === '{') depth += 1;
      if (character === '}') depth = Math.max(0, depth - 1);
      current += character;
    }
  }
  return [...found, current];
}

/** The names of what the values of a render come from. */
export function givenOf(options: RenderOptions): Given {
  const files = (options.values ?? []).map(fileName);
  const set = [...new Set(setKeys(options).map(({ flag, key }) => `${flag} ${key}`))];
  return { ...(files.length === 0 ? {} : { files }), ...(set.length === 0 ? {} : { set }) };
}

/** Without folders; of a URL also without what follows the path, which may hold a token. */
function fileName(path: string): string {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
  const parts = (isUrl ? before(before(path, '?'), '#') : path).split(/[/\\]/);
  return parts.findLast((part) => part !== '') ?? '';
}

/** `-f site.yaml --set image.tag`, for people; empty for the chart's defaults. */
export function givenText({ files = [], set = [] }: Given): string {
  return printableLine([...files.map((file) => `-f ${file}`), ...set].join(' '));
}

/** `profile prod: -f prod.yaml`, for people. */
export function profileText(profile: BundledProfile): string {
  return `profile ${profileEntry(profile)}`;
}

/** The same where it is plain that it is a profile: `prod: -f prod.yaml`. */
export function profileEntry({ name, given, parent }: BundledProfile): string {
  const own = printableLine(name);
  if (parent !== undefined) return `${own}: as chart ${printableLine(parent)} installs it`;
  return given === undefined ? own : `${own}: ${givenText(given) || 'the values of the chart'}`;
}
