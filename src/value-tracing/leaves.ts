import { type KeyPath, valueAt } from '../base/field-path.ts';
import type { Values } from '../helm/render.ts';

/** Keys and list positions from the root of the values. */
export type LeafPath = KeyPath;

/** One scalar of the values. `value` is '' for a leaf that is empty, null, or only read by templates. */
export interface Leaf {
  readonly path: LeafPath;
  readonly value: string;
}

/** Returns every leaf that is a string or null, in the order of the values. */
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
 * Reports whether a leaf is a copy of a parent's global. Helm copies the parent's globals into every subchart, where
 * setting them has no effect. A global of a subchart that the parent does not have is an ordinary leaf.
 */
function isShadowedGlobal(values: Values, path: LeafPath): boolean {
  const index = path.indexOf('global');
  if (index <= 0) return false;
  return index < path.length - 1 && valueAt(values, path.slice(index)) !== undefined;
}

/**
 * Returns values that set only the given leaves. Helm replaces lists as a whole, so a leaf in a list includes the
 * complete list of `base`.
 */
export function buildOverlay(
  base: Values,
  settings: readonly { readonly path: LeafPath; readonly value: unknown }[],
): Values {
  const root: Record<string, unknown> = {};
  // Assigning a key named `__proto__` would set the prototype.
  const put = (parent: object, key: string | number, value: unknown): void => {
    Object.defineProperty(parent, key, { value, enumerable: true, writable: true, configurable: true });
  };
  for (const { path, value } of settings) {
    let parent: Record<string | number, unknown> = root;
    path.forEach((key, i) => {
      if (i === path.length - 1) {
        put(parent, key, value);
        return;
      }
      const next = valueAt(parent, [key]);
      if (typeof next !== 'object' || next === null) {
        const original = valueAt(base, path.slice(0, i + 1));
        const wholeList = typeof path[i + 1] === 'number';
        // Helm does not merge below a list either; the list is already a full copy.
        put(parent, key, wholeList ? structuredClone(Array.isArray(original) ? original : []) : {});
      }
      parent = parent[key] as Record<string | number, unknown>;
    });
  }
  return root;
}
