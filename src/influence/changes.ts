import type { RenderedDocument } from '../helm/documents.ts';
import type { LeafPath } from './leaves.ts';

/** One difference between two renders of a chart: the smallest subtree of an object that changed. */
export interface Change {
  /** Index of the render, if the chart is rendered in several ways. */
  readonly render: number;
  readonly template: string;
  /** Index of the document in the template, from 0. */
  readonly document: number;
  /** Keys and list positions from the root of the object; empty for the whole object. */
  readonly path: LeafPath;
  /** Undefined if the value was added. */
  readonly was: unknown;
  /** Undefined if the value was removed. */
  readonly is: unknown;
}

/** The documents of a render. */
export interface Documents {
  readonly documents: readonly RenderedDocument[];
}

/**
 * Returns the differences between renders, each compared with the one at the same index. Lists of different length are
 * one difference, and so is the value of a key for which `isWhole` returns true.
 */
export function changesBetween(
  before: readonly Documents[],
  after: readonly Documents[],
  isWhole: (key: string | number) => boolean = () => false,
): Change[] {
  return before.flatMap((was, render) => changesOf(was, after[render] ?? { documents: [] }, render, isWhole));
}

/** Returns a key that is equal for two differences at the same position. */
export function keyOfChange({ render, template, document, path }: Omit<Change, 'was' | 'is'>): string {
  return JSON.stringify([render, template, document, path]);
}

function changesOf(
  was: Documents,
  is: Documents,
  render: number,
  isWhole: (key: string | number) => boolean,
): Change[] {
  const positions = new Map<string, { was?: RenderedDocument; is?: RenderedDocument }>();
  const at = (document: RenderedDocument): string => `${document.template}\n${document.index}`;
  for (const document of was.documents) positions.set(at(document), { was: document });
  for (const document of is.documents) positions.set(at(document), { ...positions.get(at(document)), is: document });
  return [...positions.values()].flatMap((pair) => {
    const { template, index } = (pair.was ?? pair.is) as RenderedDocument;
    if (pair.was?.text === pair.is?.text) return [];
    const [a, b] = [pair.was?.object, pair.is?.object];
    const place = { render, template, document: index };
    // Documents that are not YAML mappings are compared as text.
    if (a === undefined || b === undefined) return [{ ...place, path: [], was: pair.was?.text, is: pair.is?.text }];
    const found: Change[] = [];
    const walk = (old: unknown, now: unknown, path: LeafPath): void => {
      const key = path.at(-1);
      if (isSame(old, now)) return;
      const keys = key !== undefined && isWhole(key) ? undefined : keysOfBoth(old, now);
      if (keys === undefined) found.push({ ...place, path, was: old, is: now });
      else for (const next of keys) walk(childOf(old, next), childOf(now, next), [...path, next]);
    };
    walk(a, b, []);
    return found;
  });
}

/** Returns the keys to compare; undefined if the two values differ in type, or are neither maps nor lists. */
function keysOfBoth(a: unknown, b: unknown): (string | number)[] | undefined {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return undefined;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length ? [...a.keys()] : undefined;
  if (Array.isArray(a) || Array.isArray(b)) return undefined;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

function childOf(value: unknown, key: string | number): unknown {
  return (value as Record<string | number, unknown>)[key];
}

/** Compares values; the order of keys is irrelevant in YAML. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const keys = keysOfBoth(a, b);
  return (
    keys?.every((key) => key in (a as object) === key in (b as object) && isSame(childOf(a, key), childOf(b, key))) ??
    false
  );
}
