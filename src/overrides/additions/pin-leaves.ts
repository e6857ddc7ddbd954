import { valueAt } from '../../base/field-path.ts';
import type { Values } from '../../helm/render.ts';
import type { TemplateSource } from '../../helm/subcharts.ts';
import { parseReference, schemeOf, withoutScheme } from '../../oci/reference.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import { wholeOccurrences } from '../../value-tracing/name-segments.ts';
import { imageMaps, keysReadByTemplates, valuesNodes } from '../../value-tracing/values-nodes.ts';

/** Values leaf that may take a digest, or another suffix of a tag. */
export interface PinLeaf {
  readonly path: LeafPath;
  /** Returns the leaf's value if each reference that it builds gets the given digest. */
  readonly pinned: (digestOf: (reference: string | undefined) => string) => unknown;
}

/** Returns the leaf's pinned value; undefined if a reference has no digest, or the leaf would need several. */
export function pinnedValue(leaf: PinLeaf, digestOf: (reference: string | undefined) => string | undefined): unknown {
  let isComplete = true;
  const value = leaf.pinned((reference) => {
    const digest = digestOf(reference);
    isComplete &&= digest !== undefined;
    return digest ?? '';
  });
  return isComplete ? value : undefined;
}

/** Keys of digests. */
export const DIGEST_KEY = /digest$|^sha(?:256)?$|sha256$/i;
const BARE_KEY = /^sha(?:256)?$|sha256$/i;
const TAG_KEY = /tag$|version$/i;

/**
 * Returns empty leaves for digests. Charts expect the digest with or without its algorithm prefix.
 * @param isAlternateSpelling use the less likely of the two spellings
 */
export function digestLeaves(
  values: Values,
  templates: readonly TemplateSource[],
  isAlternateSpelling: boolean,
): PinLeaf[] {
  const hasMatchingKey = (path: LeafPath): boolean => DIGEST_KEY.test(String(path.at(-1)));
  const keys = keysReadByTemplates(templates, (key) => DIGEST_KEY.test(key));
  const candidatePaths = imageMaps(values).flatMap((path) => keys.map((key) => [...path, key]));
  const empty = valuesNodes(values, templates, hasMatchingKey, candidatePaths).filter(({ value }) => isEmpty(value));
  return empty.map(({ path }) => {
    const isBare = BARE_KEY.test(String(path.at(-1))) !== isAlternateSpelling;
    return { path, pinned: (digestOf) => (isBare ? digestOf(undefined).replace(/^.*:/, '') : digestOf(undefined)) };
  });
}

/**
 * Returns leaves that hold the tag of one of the references, and empty leaves that may hold one; the digest is appended
 * to the tag. For an empty leaf, the tag is that of the reference whose repository is in a sibling value, otherwise the
 * most frequent tag.
 * @param rank 0 for the most frequent tag; a higher rank tries less frequent ones, on leaves without a sibling only
 * @param separator separator between the tag and its suffix
 */
export function tagLeaves(
  values: Values,
  templates: readonly TemplateSource[],
  references: readonly string[],
  rank = 0,
  separator = '@',
): PinLeaf[] {
  const tags = references.map((reference) => parseReference(withoutScheme(reference)).tag ?? '');
  const byCount = [...Map.groupBy(tags, (tag) => tag)].sort(([, a], [, b]) => b.length - a.length).map(([tag]) => tag);
  const keys = keysReadByTemplates(templates, (key) => /tag$/i.test(key));
  const candidatePaths = imageMaps(values).flatMap((path) => keys.map((key) => [...path, key]));
  const hasMatchingKey = (path: LeafPath): boolean => TAG_KEY.test(String(path.at(-1)));
  return valuesNodes(values, templates, hasMatchingKey, candidatePaths).flatMap(({ path, value }): PinLeaf[] => {
    const isScalar = typeof value === 'string' || typeof value === 'number';
    if (!isScalar && value !== undefined && value !== null) return [];
    const knownTag = isEmpty(value) ? siblingTag(values, path, references) : String(value);
    if (rank > 0 && knownTag !== undefined) return [];
    const ownTag = knownTag ?? byCount[rank];
    if (ownTag === undefined || !tags.some((tag) => tag.endsWith(ownTag))) return [];
    return [{ path, pinned: (digestOf) => ownTag + separator + digestOf(undefined) }];
  });
}

/** Returns the tag shared by the references whose repository is in a sibling of the leaf. */
function siblingTag(values: Values, path: LeafPath, references: readonly string[]): string | undefined {
  const siblings = Object.values((valueAt(values, path.slice(0, -1)) ?? {}) as Record<string, unknown>);
  const names = siblings.filter(
    (text): text is string => typeof text === 'string' && /^[\w.:-]+(?:\/[\w.-]+)*$/.test(text),
  );
  const isNamed = (reference: string): boolean =>
    names.some((name) => reference.replace(/:[^:/]*$/, '').endsWith(name) && name.includes('/'));
  const named = references.filter(isNamed);
  const tags = new Set(named.map((reference) => parseReference(withoutScheme(reference)).tag));
  return tags.size === 1 ? [...tags][0] : undefined;
}

/** Returns leaves that contain one of the full references, alone or within text. A template may add the scheme. */
export function referenceLeaves(values: Values, references: readonly string[], separator = '@'): PinLeaf[] {
  const found: PinLeaf[] = [];
  const withoutSchemes = new Set(references.filter((reference) => schemeOf(reference) !== '').map(withoutScheme));
  const walk = (value: unknown, path: LeafPath): void => {
    if (typeof value === 'string') {
      if (withoutSchemes.has(value)) {
        // Another reference may have the same text without a scheme.
        found.push({ path, pinned: (digestOf) => value + separator + digestOf(undefined) });
        return;
      }
      const contained = [...new Set(references)].filter((reference) => wholeOccurrences(value, reference).length > 0);
      if (contained.length === 0) return;
      const pinned: PinLeaf['pinned'] = (digestOf) =>
        contained.reduce(
          (text, reference) => appendToReference(text, reference, separator + digestOf(reference)),
          value,
        );
      found.push({ path, pinned });
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        // Helm ignores copies of the globals in subchart values.
        if (key !== 'global' || path.length === 0) walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
      }
    }
  };
  walk(values, []);
  return found;
}

function appendToReference(text: string, reference: string, suffix: string): string {
  return wholeOccurrences(text, reference).reduceRight((result, offset) => {
    const end = offset + reference.length;
    return result.slice(0, end) + suffix + result.slice(end);
  }, text);
}

/** Reports whether a value is absent, null or an empty text. */
export function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
