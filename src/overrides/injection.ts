import { before } from '../base/text-ends.ts';
import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import type { Change } from '../influence/changes.ts';
import { formatPath } from '../influence/leaves.ts';
import { type NamedLeaf, namedLeaves } from '../influence/named-leaves.ts';
import type { Place } from '../lock/finding.ts';
import type { Telling } from './telling.ts';

/** Environment variables or arguments to add to an operator's container. */
export interface Injection {
  readonly kind: Telling['kind'];
  /** Variables or flags; names are unique. */
  readonly entries: readonly { readonly name: string; readonly value: string }[];
  /** Containers that may receive them, identified by their image fields. */
  readonly containers: readonly Pick<Place, 'template' | 'document' | 'path'>[];
}

/** Form in which a value takes variables and arguments: a Kubernetes list, or a map by name. */
export type Shape = 'entries' | 'map';

const KEY = {
  env: /env(?:s|[vV]ars?|(?:ironment)?[vV]ariables|ironment)?$/i,
  argument: /(?:args|arguments|flags)$/i,
} as const;

/** Returns leaves whose key suggests variables or arguments and whose value is empty, a list or a map. */
export function injectionLeaves(
  kind: Injection['kind'],
  values: Values,
  templates: readonly TemplateSource[],
): NamedLeaf[] {
  const leaves = namedLeaves(values, templates, (path) => KEY[kind].test(String(path.at(-1))));
  return leaves.filter(({ value }) => value === undefined || value === null || typeof value === 'object');
}

/** Returns the forms that a leaf may take, most likely first. */
export function shapesOf({ value }: NamedLeaf): Shape[] {
  if (Array.isArray(value)) return ['entries'];
  const isEmpty = value === undefined || value === null || Object.keys(value).length === 0;
  return isEmpty ? ['entries', 'map'] : ['map'];
}

/** Returns the leaf's value with the injected entries added. */
export function withInjection({ value }: NamedLeaf, shape: Shape, { kind, entries }: Injection): unknown {
  if (shape === 'map') {
    return Object.fromEntries(entries.map(({ name, value: text }) => [kind === 'env' ? name : bare(name), text]));
  }
  const more = entries.map(({ name, value: text }) => (kind === 'env' ? { name, value: text } : `${name}=${text}`));
  return [...(Array.isArray(value) ? value : []), ...more];
}

/** Reports whether a container field is compared as a whole. */
export function isWhole(key: string | number): boolean {
  return key === 'env' || key === 'args' || key === 'command';
}

/**
 * Reports whether a change only adds these entries to one of the containers, under names that it did not have before:
 * server-side apply rejects duplicate variable names. Additional entries of the same names come from other leaves of
 * the trial and are ignored.
 */
export function injects(change: Change, { kind, entries, containers }: Injection): boolean {
  const { template, document, path, was, is } = change;
  const field = formatPath(path);
  const isHere = containers.some(
    (place) =>
      place.template === template &&
      place.document === document &&
      field === place.path.replace(/\.image$/, kind === 'env' ? '.env' : '.args'),
  );
  if (!isHere || !Array.isArray(is)) return false;
  const before = (Array.isArray(was) ? was : []).map((item) => JSON.stringify(item));
  const now = is.map((item) => JSON.stringify(item));
  const names = new Set(entries.map(({ name }) => bare(name)));
  const isMeant = (setting: ReturnType<typeof settingOf>): boolean => setting !== undefined && names.has(setting.name);
  if (before.some((item) => !now.includes(item) || isMeant(settingOf(kind, JSON.parse(item))))) return false;
  const added = is.filter((item) => !before.includes(JSON.stringify(item))).map((item) => settingOf(kind, item));
  const isAdded = ({ name, value }: Injection['entries'][number]): boolean =>
    added.some((one) => one?.name === bare(name) && one.text === value);
  return added.every(isMeant) && entries.every(isAdded);
}

/** Parses a variable or an argument into name and value; the flag's dashes are removed. */
function settingOf(kind: Injection['kind'], item: unknown): { name: string; text: string } | undefined {
  if (kind === 'env') {
    const { name, value } = (item ?? {}) as { name?: unknown; value?: unknown };
    return { name: String(name), text: String(value) };
  }
  const setting = bare(String(item));
  const name = before(setting, '=');
  return name === '' || name === setting ? undefined : { name, text: setting.slice(name.length + 1) };
}

function bare(name: string): string {
  return name.replace(/^-+/, '');
}
