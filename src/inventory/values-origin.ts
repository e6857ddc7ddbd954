import { printableLine } from '../base/printable.ts';
import { textBefore } from '../base/text-trim.ts';
import type { RenderOptions } from '../helm/render.ts';
import type { InventoryChart } from './inventory.ts';

/**
 * Names of values files and keys set by flags that a profile was rendered with. Contains no values, which may be
 * secret, and no paths, which depend on the machine. Empty for the chart's defaults.
 */
export type ValuesOrigin = Readonly<NonNullable<InventoryChart['profiles'][number]['given']>>;

/** A profile that a bundle was created with. */
export interface BundledProfile {
  readonly name: string;
  /** Origin of its values, if the bundle contains it. */
  readonly given?: ValuesOrigin;
  /** Chart that installs this one with its own values. */
  readonly parent?: string;
}

/** Helm's flags for single values. `setsSeveral`: one flag can set several keys. */
const SET_FLAGS = [
  { flag: '--set', key: 'set', setsSeveral: true },
  { flag: '--set-string', key: 'setString', setsSeveral: true },
  { flag: '--set-json', key: 'setJson', setsSeveral: false },
  { flag: '--set-file', key: 'setFile', setsSeveral: true },
  { flag: '--set-literal', key: 'setLiteral', setsSeveral: false },
] as const satisfies readonly { flag: string; key: keyof RenderOptions; setsSeveral: boolean }[];

/** A key set by a flag. */
export interface SetKey {
  readonly flag: string;
  /** Key in Helm's notation: `image.repository` or `list[0].name`. */
  readonly key: string;
}

/** Returns the keys set by `--set`, `--set-string` and the other flags. */
export function setKeys(options: RenderOptions): SetKey[] {
  return SET_FLAGS.flatMap(({ flag, key, setsSeveral }) =>
    (options[key] ?? []).flatMap((text) => assignedKeys(text, setsSeveral).map((name) => ({ flag, key: name }))),
  );
}

/** Returns the text before the first `=` of each assignment. A JSON object without key is merged at the root. */
function assignedKeys(text: string, setsSeveral: boolean): string[] {
  const assignments = setsSeveral ? splitAssignments(text) : [text];
  return assignments.flatMap((assignment) => {
    const equals = assignment.indexOf('=');
    return equals < 1 || assignment.trimStart().startsWith('{') ? [] : [assignment.slice(0, equals).trim()];
  });
}

/** Splits at commas that are neither escaped nor inside `{…}`, as Helm's strvals does. */
function splitAssignments(text: string): string[] {
  const assignments: string[] = [];
  let [current, depth] = ['', 0];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] as string;
    if (character === '\\') {
      current += character + (text[index + 1] ?? '');
      index += 1;
    } else if (character === ',' && depth === 0) {
      assignments.push(current);
      current = '';
    } else {
      if (character === '{') depth += 1;
      if (character === '}') depth = Math.max(0, depth - 1);
      current += character;
    }
  }
  return [...assignments, current];
}

/** Returns the origin of the values of a render. */
export function valuesOriginOf(options: RenderOptions): ValuesOrigin {
  const files = (options.values ?? []).map(baseName);
  const set = [...new Set(setKeys(options).map(({ flag, key }) => `${flag} ${key}`))];
  return { ...(files.length === 0 ? {} : { files }), ...(set.length === 0 ? {} : { set }) };
}

/** Returns the file name without folders, and without query and fragment of a URL, which may contain a token. */
function baseName(path: string): string {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
  const parts = (isUrl ? textBefore(textBefore(path, '?'), '#') : path).split(/[/\\]/);
  return parts.findLast((part) => part !== '') ?? '';
}

/** Formats `-f site.yaml --set image.tag` for messages; empty for the chart's defaults. */
export function valuesOriginText({ files = [], set = [] }: ValuesOrigin): string {
  return printableLine([...files.map((file) => `-f ${file}`), ...set].join(' '));
}

/** Formats `profile prod: -f prod.yaml` for messages. */
export function profileText(profile: BundledProfile): string {
  return `profile ${profileEntry(profile)}`;
}

/** Formats `prod: -f prod.yaml` for lists of profiles. */
export function profileEntry({ name, given, parent }: BundledProfile): string {
  const label = printableLine(name);
  if (parent !== undefined) return `${label}: as chart ${printableLine(parent)} installs it`;
  return given === undefined ? label : `${label}: ${valuesOriginText(given) || "the chart's default values"}`;
}
