import { documentKey, type RenderedDocument } from '../helm/documents.ts';
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
  readonly before: unknown;
  /** Undefined if the value was removed. */
  readonly after: unknown;
}

/** The documents of a render. */
export interface RenderOutput {
  readonly documents: readonly RenderedDocument[];
}

/**
 * Returns the differences between renders, each compared with the one at the same index. Lists of different length are
 * one difference, and so is the value of a key for which `isWhole` returns true.
 */
export function changesBetween(
  before: readonly RenderOutput[],
  after: readonly RenderOutput[],
  isWhole: (key: string | number) => boolean = () => false,
): Change[] {
  return before.flatMap((output, render) => changesOf(output, after[render] ?? { documents: [] }, render, isWhole));
}

/** Returns a key that is equal for two differences at the same position. */
export function changeKey({ render, template, document, path }: Omit<Change, 'before' | 'after'>): string {
  return JSON.stringify([render, template, document, path]);
}

function changesOf(
  before: RenderOutput,
  after: RenderOutput,
  render: number,
  isWhole: (key: string | number) => boolean,
): Change[] {
  const positions = new Map<string, { before?: RenderedDocument; after?: RenderedDocument }>();
  for (const document of before.documents)
    positions.set(documentKey(document.template, document.index), { before: document });
  for (const document of after.documents) {
    const key = documentKey(document.template, document.index);
    positions.set(key, { ...positions.get(key), after: document });
  }
  return [...positions.values()].flatMap((pair) => {
    const { template, index } = (pair.before ?? pair.after) as RenderedDocument;
    if (pair.before?.text === pair.after?.text) return [];
    const [a, b] = [pair.before?.object, pair.after?.object];
    const position = { render, template, document: index };
    // Documents that are not YAML mappings are compared as text.
    if (a === undefined || b === undefined)
      return [{ ...position, path: [], before: pair.before?.text, after: pair.after?.text }];
    const found: Change[] = [];
    const walk = (oldValue: unknown, newValue: unknown, path: LeafPath): void => {
      const key = path.at(-1);
      if (isSame(oldValue, newValue)) return;
      const keys = key !== undefined && isWhole(key) ? undefined : keysOfBoth(oldValue, newValue);
      if (keys === undefined) found.push({ ...position, path, before: oldValue, after: newValue });
      else for (const next of keys) walk(childValue(oldValue, next), childValue(newValue, next), [...path, next]);
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

function childValue(value: unknown, key: string | number): unknown {
  return (value as Record<string | number, unknown>)[key];
}

/** Compares values; the order of keys is irrelevant in YAML. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const keys = keysOfBoth(a, b);
  return (
    keys?.every(
      (key) => key in (a as object) === key in (b as object) && isSame(childValue(a, key), childValue(b, key)),
    ) ?? false
  );
}
