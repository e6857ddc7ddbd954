import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/subcharts.ts';
import { type Leaf, type LeafPath, leavesOf, valueAt } from './leaves.ts';
import { mentionedPaths } from './mentions.ts';

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
    // A parent that is not a map (or is an absent list) cannot get children without changing its type.
    const reachable = path.every((_, i) => {
      const parent = valueAt(values, path.slice(0, i));
      return parent === undefined || parent === null || (typeof parent === 'object' && !Array.isArray(parent));
    });
    if ((present === undefined || present === null || present === '') && reachable)
      paths.set(JSON.stringify(path), path);
  };
  for (const { path, value } of leavesOf(values)) if (value === '') add(path);
  for (const { text, prefixes } of templates) {
    for (const keys of mentionedPaths(text)) {
      for (const prefix of prefixes) add(keys[0] === 'global' ? keys : [...prefix, ...keys]);
    }
  }
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
