import type { Values } from '../helm/render.ts';
import { formatPath, type LeafPath, valueAt } from './leaves.ts';

/** A values leaf that could be set to something else, and to what. */
export interface Switch {
  readonly path: LeafPath;
  readonly value: unknown;
}

/** Keys under which charts switch a component on. */
const SWITCH =
  /^(?:enabled?|install(?:ed)?|create|deploy(?:ed)?)$|(?:Enabled?|Install(?:ed)?|Deploy(?:ed)?)$|^(?:enable|install|deploy)[A-Z]/;

/** Components that are off, each with what switches it on. Tags of dependencies are switches too. */
export function switchesOn(values: Values): Switch[] {
  return flags(values, false)
    .filter(({ path }) => SWITCH.test(String(path.at(-1))) || path[0] === 'tags')
    .map(({ path }) => ({ path, value: true }));
}

/**
 * What could turn off something that the render shows: flags that are on, lists that are not empty, and settings whose
 * text stands in one of `texts`. Narrow ones come first: a path that is longer reaches less far.
 */
export function switchesOff(values: Values, texts: readonly string[]): Switch[] {
  const on = flags(values, true).map(({ path }) => ({ path, value: false }));
  const lists = scalarsAndLists(values).flatMap(({ path, value }): Switch[] => {
    if (Array.isArray(value))
      return value.length > 0 && texts.some((text) => standsIn(value, text)) ? [{ path, value: [] }] : [];
    const text = String(value);
    return text.length > 3 && texts.some((other) => other.includes(text)) ? [{ path, value: '' }] : [];
  });
  const all = new Map([...on, ...lists].map((one) => [formatPath(one.path), one]));
  return [...all.values()].sort((a, b) => b.path.length - a.path.length);
}

/**
 * Whether a switch can be what turns off something that these texts say: a flag any time, a list or a setting when it
 * stands there. Another setting that takes it away has only made the text around it unreadable.
 */
export function concerns(values: Values, { path }: Switch, texts: readonly string[]): boolean {
  const value = valueAt(values, path);
  if (typeof value === 'boolean') return true;
  return texts.some((text) => (Array.isArray(value) ? standsIn(value, text) : text.includes(String(value))));
}

/** Whether one of a list's scalars, at any depth, stands in the text. */
function standsIn(value: unknown, text: string): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some((inner) => standsIn(inner, text));
  return (
    (typeof value === 'string' || typeof value === 'number') && String(value).length > 3 && text.includes(String(value))
  );
}

function flags(values: Values, state: boolean): { path: LeafPath }[] {
  return scalarsAndLists(values).filter(({ value }) => value === state);
}

/** Leaves as Helm merges them: maps key by key, lists whole. Copies of the parent's globals are left out. */
function scalarsAndLists(values: Values): { path: LeafPath; value: unknown }[] {
  const found: { path: LeafPath; value: unknown }[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isMap) {
      if (value !== null && value !== '' && path.length > 0) found.push({ path, value });
      return;
    }
    for (const [key, inner] of Object.entries(value)) {
      const below = [...path, key];
      const isCopy = key === 'global' && path.length > 0 && valueAt(values, ['global']) !== undefined;
      if (!isCopy) walk(inner, below);
    }
  };
  walk(values, []);
  return found;
}
