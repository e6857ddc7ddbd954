import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import { type LeafPath, valueAt } from './leaves.ts';
import { mentionedPaths } from './mentions.ts';

/** A place in the values, map or list or scalar; `value` is undefined where only templates speak of it. */
export interface NamedLeaf {
  readonly path: LeafPath;
  readonly value: unknown;
}

/**
 * Everything in the values whose path `isMeant`, and what only templates read. Globals are those of the whole chart: a
 * subchart's own would be overruled by them.
 * @param beside more paths that may be there, for what templates read from a map that they are handed
 */
export function namedLeaves(
  values: Values,
  templates: readonly TemplateSource[],
  isMeant: (path: LeafPath) => boolean,
  beside: readonly LeafPath[] = [],
): NamedLeaf[] {
  const found = new Map<string, NamedLeaf>();
  const add = (given: LeafPath): void => {
    const path = given.slice(Math.max(given.indexOf('global'), 0));
    if (found.has(JSON.stringify(path)) || !isMeant(path) || !isReachable(values, path)) return;
    found.set(JSON.stringify(path), { path, value: valueAt(values, path) ?? valueAt(values, given) });
  };
  const walk = (value: unknown, path: LeafPath): void => {
    if (path.length > 0) add(path);
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, [...path, i]);
    else for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
  };
  walk(values, []);
  for (const { text, prefixes } of templates) {
    for (const keys of mentionedPaths(text)) {
      for (const prefix of prefixes) add(keys[0] === 'global' ? keys : [...prefix, ...keys]);
    }
  }
  for (const path of beside) add(path);
  return [...found.values()];
}

/** Keys that templates read from whatever they are handed (`.image.digest` in a helper) and that `isMeant`. */
export function keysRead(templates: readonly TemplateSource[], isMeant: (key: string) => boolean): string[] {
  const keys = templates.flatMap(({ text }) => [...text.matchAll(/\.([A-Za-z]\w*)/g)].map(([, key = '']) => key));
  return [...new Set(keys)].filter(isMeant);
}

/** The maps in the values that describe an image: they have a repository, or an image's name. */
export function imageMaps(values: Values): LeafPath[] {
  const found: LeafPath[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    if (typeof value !== 'object' || value === null) return;
    const keys = Object.keys(value);
    const isNamed = /image/i.test(String(path.at(-1))) && keys.includes('name');
    if (!Array.isArray(value) && (isNamed || keys.some((key) => /^repository$/i.test(key)))) found.push(path);
    for (const [key, item] of Object.entries(value)) walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  walk(values, []);
  return found;
}

/** A parent that is no map (or an absent list) cannot be reached into without changing what it is. */
function isReachable(values: Values, path: LeafPath): boolean {
  return path.every((key, i) => {
    const parent = valueAt(values, path.slice(0, i));
    if (Array.isArray(parent)) return typeof key === 'number';
    return parent === undefined || parent === null || typeof parent === 'object';
  });
}
