import { printableLine } from '../base/printable.ts';
import { before } from '../base/text-ends.ts';
import type { RenderOptions } from '../helm/render.ts';

/**
 * Names of values files and keys set by flags that a profile was rendered with. Contains no values, which may be
 * secret, and no paths, which depend on the machine. Empty for the chart's defaults.
 */
export interface Given {
  readonly files?: string[] | undefined;
  /** Entries `flag key`, such as `--set image.tag`. */
  readonly set?: string[] | undefined;
}

/** A profile that a bundle was created with. */
export interface BundledProfile {
  readonly name: string;
  /** Origin of its values, if the bundle contains it. */
  readonly given?: Given;
  /** Chart that installs this one with its own values. */
  readonly parent?: string;
}

/** Helm's flags for single values, and whether one flag can set several keys. */
const SET_FLAGS = [
  { flag: '--set', key: 'set', several: true },
  { flag: '--set-string', key: 'setString', several: true },
  { flag: '--set-json', key: 'setJson', several: false },
  { flag: '--set-file', key: 'setFile', several: true },
  { flag: '--set-literal', key: 'setLiteral', several: false },
] as const satisfies readonly { flag: string; key: keyof RenderOptions; several: boolean }[];

/** A key set by a flag. */
export interface SetKey {
  readonly flag: string;
  /** Key in Helm's notation: `image.repository` or `list[0].name`. */
  readonly key: string;
}

/** Returns the keys set by `--set`, `--set-string` and the other flags. */
export function setKeys(options: RenderOptions): SetKey[] {
  return SET_FLAGS.flatMap(({ flag, key, several }) =>
    (options[key] ?? []).flatMap((text) => keysOf(text, several).map((name) => ({ flag, key: name }))),
  );
}

/** Returns the text before the first `=` of each assignment. A JSON object without key is merged at the root. */
function keysOf(text: string, several: boolean): string[] {
  const assignments = several ? splitAssignments(text) : [text];
  return assignments.flatMap((assignment) => {
    const at = assignment.indexOf('=');
    return at < 1 || assignment.trimStart().startsWith('{') ? [] : [assignment.slice(0, at).trim()];
  });
}

/** Splits at commas that are neither escaped nor inside `{…}`, as Helm's strvals does. */
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

/** Returns the origin of the values of a render. */
export function givenOf(options: RenderOptions): Given {
  const files = (options.values ?? []).map(fileName);
  const set = [...new Set(setKeys(options).map(({ flag, key }) => `${flag} ${key}`))];
  return { ...(files.length === 0 ? {} : { files }), ...(set.length === 0 ? {} : { set }) };
}

/** Returns the file name without folders, and without query and fragment of a URL, which may contain a token. */
function fileName(path: string): string {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
  const parts = (isUrl ? before(before(path, '?'), '#') : path).split(/[/\\]/);
  return parts.findLast((part) => part !== '') ?? '';
}

/** Formats `-f site.yaml --set image.tag` for messages; empty for the chart's defaults. */
export function givenText({ files = [], set = [] }: Given): string {
  return printableLine([...files.map((file) => `-f ${file}`), ...set].join(' '));
}

/** Formats `profile prod: -f prod.yaml` for messages. */
export function profileText(profile: BundledProfile): string {
  return `profile ${profileEntry(profile)}`;
}

/** Formats `prod: -f prod.yaml` for lists of profiles. */
export function profileEntry({ name, given, parent }: BundledProfile): string {
  const own = printableLine(name);
  if (parent !== undefined) return `${own}: as chart ${printableLine(parent)} installs it`;
  return given === undefined ? own : `${own}: ${givenText(given) || "the chart's default values"}`;
}
