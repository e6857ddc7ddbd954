import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import type { Change } from '../influence/changes.ts';
import { formatPath, type LeafPath, valueAt } from '../influence/leaves.ts';
import { imageMaps, keysRead, namedLeaves } from '../influence/named-leaves.ts';
import { parseReference } from '../oci/reference.ts';
import { wholeOccurrences } from './text-edits.ts';

/** A leaf that may take digests, or whatever else goes behind a tag. */
export interface PinLeaf {
  readonly path: LeafPath;
  /** Its value when each reference that it builds gets the digest that is given for it. */
  readonly pinned: (digestOf: (reference: string | undefined) => string) => unknown;
}

/** A leaf's value; undefined when one of its references has no digest, or one leaf would have to hold several. */
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
 * Leaves for a digest that are empty now. Charts want it with or without its algorithm.
 * @param other the less likely of the two spellings
 */
export function digestLeaves(values: Values, templates: readonly TemplateSource[], other: boolean): PinLeaf[] {
  const isMeant = (path: LeafPath): boolean => DIGEST_KEY.test(String(path.at(-1)));
  const keys = keysRead(templates, (key) => DIGEST_KEY.test(key));
  const beside = imageMaps(values).flatMap((path) => keys.map((key) => [...path, key]));
  const empty = namedLeaves(values, templates, isMeant, beside).filter(({ value }) => isEmpty(value));
  return empty.map(({ path }) => {
    const isBare = BARE_KEY.test(String(path.at(-1))) !== other;
    return { path, pinned: (digestOf) => (isBare ? digestOf(undefined).replace(/^.*:/, '') : digestOf(undefined)) };
  });
}

/**
 * Leaves with the tag of one of the references, and empty ones that may be one: the digest goes behind it. An empty leaf
 * says nothing of its tag, so it is the one of the reference whose repository stands beside it, else the one that most
 * references have.
 * @param rank 0 for that; further ones try the next frequent tag on leaves with nothing beside them, and only on those
 * @param glue what comes between the tag and what goes behind it
 */
export function tagLeaves(
  values: Values,
  templates: readonly TemplateSource[],
  references: readonly string[],
  rank = 0,
  glue = '@',
): PinLeaf[] {
  const tags = references.map((reference) => parseReference(reference).tag ?? '');
  const byCount = [...Map.groupBy(tags, (tag) => tag)].sort(([, a], [, b]) => b.length - a.length).map(([tag]) => tag);
  const keys = keysRead(templates, (key) => /tag$/i.test(key));
  const beside = imageMaps(values).flatMap((path) => keys.map((key) => [...path, key]));
  const isMeant = (path: LeafPath): boolean => TAG_KEY.test(String(path.at(-1)));
  return namedLeaves(values, templates, isMeant, beside).flatMap(({ path, value }): PinLeaf[] => {
    const isScalar = typeof value === 'string' || typeof value === 'number';
    if (!isScalar && value !== undefined && value !== null) return [];
    const sure = isEmpty(value) ? tagBeside(values, path, references) : String(value);
    if (rank > 0 && sure !== undefined) return [];
    const own = sure ?? byCount[rank];
    if (own === undefined || !tags.some((tag) => tag.endsWith(own))) return [];
    return [{ path, pinned: (digestOf) => own + glue + digestOf(undefined) }];
  });
}

/** The tag of the references whose repository stands beside a leaf, when they have one. */
function tagBeside(values: Values, path: LeafPath, references: readonly string[]): string | undefined {
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

/** Leaves that have one of the references in full, alone or in a longer text. */
export function referenceLeaves(values: Values, references: readonly string[], glue = '@'): PinLeaf[] {
  const found: PinLeaf[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    if (typeof value === 'string') {
      const here = [...new Set(references)].filter((reference) => wholeOccurrences(value, reference).length > 0);
      if (here.length === 0) return;
      const pinned: PinLeaf['pinned'] = (digestOf) =>
        here.reduce((text, reference) => behind(text, reference, glue + digestOf(reference)), value);
      found.push({ path, pinned });
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        // Copies of the globals in subcharts have no effect.
        if (key !== 'global' || path.length === 0) walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
      }
    }
  };
  walk(values, []);
  return found;
}

function behind(text: string, reference: string, more: string): string {
  return wholeOccurrences(text, reference).reduceRight((all, at) => {
    const end = at + reference.length;
    return all.slice(0, end) + more + all.slice(end);
  }, text);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** A reference that a change gives a digest. */
export interface Pinned {
  readonly reference: string;
  readonly digest: string;
}

export interface PinCheck {
  /** References that may get a digest, by the texts that they are written as. */
  readonly written: ReadonlyMap<string, string>;
  readonly isDigestOf: (reference: string, digest: string) => boolean;
  /** Maps with a reference that is pinned now, by their path: a field for a digest in them is part of it. */
  readonly maps: ReadonlyMap<string, Pinned>;
}

const AT_DIGEST = /@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(?![\w])/g;

/** What a change pins when it does nothing else, else undefined. The tag may go when the digest comes. */
export function pinnedBy({ was, is, path }: Change, { written, isDigestOf, maps }: PinCheck): Pinned[] | undefined {
  if (typeof is !== 'string') return undefined;
  const whole =
    DIGEST_KEY.test(String(path.at(-1))) && isEmpty(was) ? maps.get(formatPath(path.slice(0, -1))) : undefined;
  if (whole !== undefined) return whole.digest.endsWith(is) ? [whole] : undefined;
  if (typeof was !== 'string') return undefined;
  const found: Pinned[] = [];
  let text = is;
  for (const match of [...is.matchAll(AT_DIGEST)].reverse()) {
    const digest = match[1] ?? '';
    const before = text.slice(0, match.index);
    const tagged = [...written.keys()].find((name) => endsWith(before, name));
    const untagged = [...written.keys()].find((name) => endsWith(before, nameOf(name)) && was.includes(name));
    const name = tagged ?? untagged;
    const reference = name === undefined ? undefined : written.get(name);
    // Another's digest, which was there before.
    if (name === undefined || reference === undefined || !isDigestOf(reference, digest)) continue;
    found.push({ reference, digest });
    const tag = tagged === undefined ? name.slice(nameOf(name).length) : '';
    text = before + tag + text.slice(match.index + match[0].length);
  }
  return text === was && found.length > 0 ? found : undefined;
}

function endsWith(text: string, name: string): boolean {
  return text.endsWith(name) && !/[\w./@-]$/.test(text.slice(0, text.length - name.length));
}

function nameOf(reference: string): string {
  return reference.replace(/:[^:/]*$/, '');
}
