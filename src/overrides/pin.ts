import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/subcharts.ts';
import { parseReference } from '../oci/reference.ts';
import type { Change } from '../value-tracing/changes.ts';
import { formatPath, type LeafPath, valueAt } from '../value-tracing/leaves.ts';
import { imageMaps, keysReadByTemplates, valuesNodes } from '../value-tracing/values-nodes.ts';
import { wholeOccurrences } from './text-edits.ts';

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

const DIGEST_KEY = /digest$|^sha(?:256)?$|sha256$/i;
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
  const tags = references.map((reference) => parseReference(reference).tag ?? '');
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
  const tags = new Set(named.map((reference) => parseReference(reference).tag));
  return tags.size === 1 ? [...tags][0] : undefined;
}

/** Returns leaves that contain one of the full references, alone or within text. */
export function referenceLeaves(values: Values, references: readonly string[], separator = '@'): PinLeaf[] {
  const found: PinLeaf[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    if (typeof value === 'string') {
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

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** Reference and the digest that a change adds to it. */
export interface PinnedReference {
  readonly reference: string;
  readonly digest: string;
}

/** Context for judging whether a change only pins references. */
export interface PinCheck {
  /** References that may be pinned, by the text in the manifest. */
  readonly written: ReadonlyMap<string, string>;
  readonly isDigestOf: (reference: string, digest: string) => boolean;
  /** Maps that hold a pinned reference, by path; a digest field in such a map is part of the pin. */
  readonly maps: ReadonlyMap<string, PinnedReference>;
}

const AT_DIGEST = /@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(?![\w])/g;

/** Returns the references that a change pins; undefined if it does anything else. The digest may replace the tag. */
export function pinsInChange(
  { before, after, path }: Change,
  { written, isDigestOf, maps }: PinCheck,
): PinnedReference[] | undefined {
  if (typeof after !== 'string') return undefined;
  const mapPin =
    DIGEST_KEY.test(String(path.at(-1))) && isEmpty(before) ? maps.get(formatPath(path.slice(0, -1))) : undefined;
  if (mapPin !== undefined) return mapPin.digest.endsWith(after) ? [mapPin] : undefined;
  if (typeof before !== 'string') return undefined;
  const found: PinnedReference[] = [];
  let text = after;
  for (const match of [...after.matchAll(AT_DIGEST)].reverse()) {
    const digest = match[1] ?? '';
    const preceding = text.slice(0, match.index);
    const tagged = [...written.keys()].find((name) => endsWithReference(preceding, name));
    const untagged = [...written.keys()].find(
      (name) => endsWithReference(preceding, withoutTag(name)) && before.includes(name),
    );
    const name = tagged ?? untagged;
    const reference = name === undefined ? undefined : written.get(name);
    // The digest of another image, already there before.
    if (name === undefined || reference === undefined || !isDigestOf(reference, digest)) continue;
    found.push({ reference, digest });
    const tag = tagged === undefined ? name.slice(withoutTag(name).length) : '';
    text = preceding + tag + text.slice(match.index + match[0].length);
  }
  return text === before && found.length > 0 ? found : undefined;
}

function endsWithReference(text: string, name: string): boolean {
  return text.endsWith(name) && !/[\w./@-]$/.test(text.slice(0, text.length - name.length));
}

function withoutTag(reference: string): string {
  return reference.replace(/:[^:/]*$/, '');
}
