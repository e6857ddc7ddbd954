import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/subcharts.ts';
import { type LeafPath, valueAt } from './leaves.ts';
import { mentionedPaths } from './mentions.ts';

/** A map, list or scalar of the values; `value` is undefined if only templates refer to it. */
export interface ValuesNode {
  readonly path: LeafPath;
  readonly value: unknown;
}

/**
 * Returns the selected nodes of the values, including those that only templates read. Globals are those of the whole
 * chart: they override the globals of subcharts.
 * @param extraPaths further paths that may exist, for keys that template helpers read from the map that they receive
 */
export function valuesNodes(
  values: Values,
  templates: readonly TemplateSource[],
  isSelected: (path: LeafPath) => boolean,
  extraPaths: readonly LeafPath[] = [],
): ValuesNode[] {
  const found = new Map<string, ValuesNode>();
  const add = (writtenPath: LeafPath): void => {
    const path = writtenPath.slice(Math.max(writtenPath.indexOf('global'), 0));
    if (found.has(JSON.stringify(path)) || !isSelected(path) || !isReachable(values, path)) return;
    found.set(JSON.stringify(path), { path, value: valueAt(values, path) ?? valueAt(values, writtenPath) });
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
  for (const path of extraPaths) add(path);
  return [...found.values()];
}

/** Returns the selected keys that templates read from any map (`.image.digest` in a helper). */
export function keysReadByTemplates(
  templates: readonly TemplateSource[],
  isSelected: (key: string) => boolean,
): string[] {
  const keys = templates.flatMap(({ text }) => [...text.matchAll(/\.([A-Za-z]\w*)/g)].map(([, key = '']) => key));
  return [...new Set(keys)].filter(isSelected);
}

/** Returns the paths of maps that describe an image: they have a repository, or the name of an image. */
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

/** A parent that is not a map (or is an absent list) cannot get children without changing its type. */
function isReachable(values: Values, path: LeafPath): boolean {
  return path.every((key, i) => {
    const parent = valueAt(values, path.slice(0, i));
    if (Array.isArray(parent)) return typeof key === 'number';
    return parent === undefined || parent === null || typeof parent === 'object';
  });
}
