import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import { type Leaf, type LeafPath, leavesOf, valueAt } from './leaves.ts';
import { mentionedPaths } from './mentions.ts';

/** Keys under which charts take a registry, repository or whole image. */
const KEY = /(?:registry|repository|^repo|^hub|mirror|image|imageprefix|image_?name)(?:url|host|prefix|override)?$/i;
/** Keys that sound alike and hold something else. */
const NOT = /secret|polic|tag$|digest$|version$|enabled$/i;

/**
 * Leaves that could bring a registry or repository and are empty now, or that only templates read: the places where
 * charts let a private registry in without showing a default.
 */
export function emptyLeaves(values: Values, templates: readonly TemplateSource[]): Leaf[] {
  const paths = new Map<string, LeafPath>();
  const add = (path: LeafPath): void => {
    const key = path.at(-1);
    if (typeof key !== 'string' || !KEY.test(key) || NOT.test(key)) return;
    const present = valueAt(values, path);
    // A parent that is no map (or an absent list) cannot be reached into without changing what it is.
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
  if (/\.registry\b/.test(texts)) for (const path of siblings(values)) add(path);
  return [...paths.values()].map((path) => ({ path, value: '' }));
}

/** `registry` beside every `repository`, or `name` of an image: helpers read it from a map that they are handed. */
function siblings(values: Values): LeafPath[] {
  const found: LeafPath[] = [];
  for (const { path } of leavesOf(values)) {
    const [parent, key] = path.slice(-2).map(String);
    const isName = key === 'name' && /image/i.test(parent ?? '');
    if (/^repository$/i.test(key ?? '') || isName) found.push([...path.slice(0, -1), 'registry']);
  }
  return found;
}

/** Whether a leaf reaches over the whole chart: one value for images of several registries. */
export function isGlobal({ path }: Leaf): boolean {
  return path.includes('global') || path.length === 1;
}
