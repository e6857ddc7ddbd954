import { valueAt } from '../base/field-path.ts';
import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/subcharts.ts';
import { type Leaf, type LeafPath, leavesOf } from './leaves.ts';

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
  for (const path of pathsInTemplates(templates)) add(path);
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

/** Returns the values paths that templates mention, from the root of the chart's values. */
function pathsInTemplates(templates: readonly TemplateSource[]): LeafPath[] {
  return templates.flatMap(({ text, prefixes }) =>
    mentionedPaths(text).flatMap((keys) =>
      prefixes.map((prefix) => (keys[0] === 'global' ? keys : [...prefix, ...keys])),
    ),
  );
}

/**
 * Returns the values paths in the text of a template: `.Values.a.b`, `((.Values.a).b)`, `dig "a" "b" "" .Values`,
 * `index .Values "a" "b"`.
 */
export function mentionedPaths(text: string): string[][] {
  const dotted = [...text.matchAll(/\.Values((?:\)*\.[A-Za-z_][\w-]*)+)/g)].map(([, keys = '']) =>
    keys.replaceAll(')', '').slice(1).split('.'),
  );
  const dottedKeys = (keys = ''): string[] => keys.split('.').filter((key) => key !== '' && key !== 'AsMap');
  const quoted = (keys = ''): string[] => [...keys.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '');
  const indexed = [...text.matchAll(/\bindex\s+\$?\.Values((?:\.[\w-]+)*)((?:\s+"[^"]+")+)/g)].map(
    ([, start, keys]) => [...dottedKeys(start), ...quoted(keys)],
  );
  // The last argument before the map is the default of `dig`.
  const dug = [...text.matchAll(/\bdig((?:\s+"[^"]*")+)\s+\(?\$?\.Values((?:\.[\w-]+)*)/g)].map(([, keys, start]) => [
    ...dottedKeys(start),
    ...quoted(keys).slice(0, -1),
  ]);
  return [...dotted, ...indexed, ...dug];
}

/** Keys of registries, repositories and images in values. */
const IMAGE_KEYS =
  /(?:registry|repository|^repo|^hub|mirror|image|imageprefix|image_?name)(?:url|host|prefix|override)?$/i;
/** Similar keys with other content. */
const OTHER_KEYS = /secret|polic|tag$|digest$|version$|enabled$/i;

/**
 * Returns leaves that can set a registry or repository and are empty, or that only templates read. Charts accept a
 * private registry there without a default.
 */
export function emptyLeaves(values: Values, templates: readonly TemplateSource[]): Leaf[] {
  const paths = new Map<string, LeafPath>();
  const add = (path: LeafPath): void => {
    const key = path.at(-1);
    if (typeof key !== 'string' || !IMAGE_KEYS.test(key) || OTHER_KEYS.test(key)) return;
    const present = valueAt(values, path);
    // Not in lists: an override would have to repeat the whole list.
    const isInMaps = path.every((key) => typeof key === 'string') && isReachable(values, path);
    if ((present === undefined || present === null || present === '') && isInMaps)
      paths.set(JSON.stringify(path), path);
  };
  for (const { path, value } of leavesOf(values)) if (value === '') add(path);
  for (const path of pathsInTemplates(templates)) add(path);
  const texts = templates.map(({ text }) => text).join('\n');
  if (/\.registry\b/.test(texts)) for (const path of siblingRegistries(values)) add(path);
  return [...paths.values()].map((path) => ({ path, value: '' }));
}

/**
 * Returns `registry` next to every `repository`, or next to the `name` of an image: template helpers read it from the
 * map that they receive.
 */
function siblingRegistries(values: Values): LeafPath[] {
  const found: LeafPath[] = [];
  for (const { path } of leavesOf(values)) {
    const [parent, key] = path.slice(-2).map(String);
    const isName = key === 'name' && /image/i.test(parent ?? '');
    if (/^repository$/i.test(key ?? '') || isName) found.push([...path.slice(0, -1), 'registry']);
  }
  return found;
}

/** Reports whether a leaf applies to the whole chart: one value for images of several registries. */
export function isGlobal({ path }: Leaf): boolean {
  return path.includes('global') || path.length === 1;
}
