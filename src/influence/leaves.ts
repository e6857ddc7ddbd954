import type { Values } from '../helm/render.ts';

/** Keys and list positions from the root of the values. */
export type LeafPath = readonly (string | number)[];

/** One scalar of the values. `value` is '' for a leaf that is empty, null, or only read by templates. */
export interface Leaf {
  readonly path: LeafPath;
  readonly value: string;
}

/** `image.repository`, `list[0].name`, `"a.b".c`: as people write it. */
export function formatPath(path: LeafPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const word = /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
    return text === '' ? word : `${text}.${word}`;
  }, '');
}

/** Every scalar that is a string or null, in the order of the values. */
export function leavesOf(values: Values): Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    if (typeof value === 'string') leaves.push({ path, value });
    else if (value === null || value === undefined) leaves.push({ path, value: '' });
    else if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, [...path, i]);
    else if (typeof value === 'object') {
      for (const [key, item] of Object.entries(value)) {
        if (!isShadowedGlobal(values, [...path, key])) walk(item, [...path, key]);
      }
    }
  };
  walk(values, []);
  return leaves;
}

/**
 * Helm copies the parent's globals into every subchart, where setting them has no effect: the parent's win.
 * A subchart's own global that the parent does not have is a leaf like any other.
 */
function isShadowedGlobal(values: Values, path: LeafPath): boolean {
  const at = path.indexOf('global');
  if (at <= 0) return false;
  return at < path.length - 1 && valueAt(values, path.slice(at)) !== undefined;
}

export function valueAt(values: unknown, path: LeafPath): unknown {
  let value = values;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}

/**
 * A values file that sets the given leaves and nothing else. Helm replaces lists whole, so a leaf in a list brings the
 * list along, as `base` has it.
 */
export function overlay(
  base: Values,
  settings: readonly { readonly path: LeafPath; readonly value: unknown }[],
): Values {
  const root: Record<string, unknown> = {};
  // A chart may call a key `__proto__`, which an assignment would take for something else.
  const put = (at: object, key: string | number, value: unknown): void => {
    Object.defineProperty(at, key, { value, enumerable: true, writable: true, configurable: true });
  };
  for (const { path, value } of settings) {
    let at: Record<string | number, unknown> = root;
    path.forEach((key, i) => {
      if (i === path.length - 1) {
        put(at, key, value);
        return;
      }
      const next = valueAt(at, [key]);
      if (typeof next !== 'object' || next === null) {
        const original = valueAt(base, path.slice(0, i + 1));
        const wholeList = typeof path[i + 1] === 'number';
        // Below a list nothing is merged either: what is inside it is already a full copy.
        put(at, key, wholeList ? structuredClone(Array.isArray(original) ? original : []) : {});
      }
      at = at[key] as Record<string | number, unknown>;
    });
  }
  return root;
}
