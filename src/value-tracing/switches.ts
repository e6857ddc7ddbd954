import { formatPath, valueAt } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import type { Values } from '../helm/render.ts';
import type { LeafPath } from './leaves.ts';

/** A values leaf and the value that switches it. */
export interface Switch {
  readonly path: LeafPath;
  readonly value: unknown;
}

/** Keys of flags that enable a component. */
const SWITCH =
  /^(?:enabled?|install(?:ed)?|create|deploy(?:ed)?)$|(?:Enabled?|Install(?:ed)?|Deploy(?:ed)?)$|^(?:enable|install|deploy)[A-Z]/;

/** Returns the disabled components, each with the value that enables it. Tags of dependencies are included. */
export function switchesOn(values: Values): Switch[] {
  return flags(values, false)
    .filter(({ path }) => SWITCH.test(String(path.at(-1))) || path[0] === 'tags')
    .map(({ path }) => ({ path, value: true }));
}

/**
 * Returns values changes that may remove something from the render: flags that are on, non-empty lists, and settings
 * whose text is in one of `texts`. Longer paths come first, because they affect less.
 */
export function switchesOff(values: Values, texts: readonly string[]): Switch[] {
  const enabledFlags = flags(values, true).map(({ path }) => ({ path, value: false }));
  const lists = scalarsAndLists(values).flatMap(({ path, value }): Switch[] => {
    if (Array.isArray(value))
      return value.length > 0 && texts.some((text) => occursIn(value, text)) ? [{ path, value: [] }] : [];
    const text = String(value);
    return text.length > 3 && texts.some((other) => other.includes(text)) ? [{ path, value: '' }] : [];
  });
  const switches = new Map([...enabledFlags, ...lists].map((candidate) => [formatPath(candidate.path), candidate]));
  return [...switches.values()].sort((a, b) => b.path.length - a.path.length);
}

/**
 * Reports whether a switch may control something with these texts: always for a flag; for a list or a setting only if
 * the texts contain it. Emptying any other setting only changes the text.
 */
export function mayControl(values: Values, { path }: Switch, texts: readonly string[]): boolean {
  const value = valueAt(values, path);
  if (typeof value === 'boolean') return true;
  return texts.some((text) => (Array.isArray(value) ? occursIn(value, text) : text.includes(String(value))));
}

/** Reports whether the text contains one of a list's scalars, at any depth. */
function occursIn(value: unknown, text: string): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some((inner) => occursIn(inner, text));
  return (
    (typeof value === 'string' || typeof value === 'number') && String(value).length > 3 && text.includes(String(value))
  );
}

function flags(values: Values, state: boolean): { path: LeafPath }[] {
  return scalarsAndLists(values).filter(({ value }) => value === state);
}

/** Returns leaves as Helm merges them: maps by key, lists as a whole. Copies of the parent's globals are omitted. */
function scalarsAndLists(values: Values): { path: LeafPath; value: unknown }[] {
  const found: { path: LeafPath; value: unknown }[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    if (!isMapping(value)) {
      if (value !== null && value !== '' && path.length > 0) found.push({ path, value });
      return;
    }
    for (const [key, inner] of Object.entries(value)) {
      const childPath = [...path, key];
      const isCopy = key === 'global' && path.length > 0 && valueAt(values, ['global']) !== undefined;
      if (!isCopy) walk(inner, childPath);
    }
  };
  walk(values, []);
  return found;
}
