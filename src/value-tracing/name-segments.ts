import { formatPath } from '../base/field-path.ts';
import { textBefore } from '../base/text-trim.ts';
import { schemeOf } from '../oci/reference.ts';
import type { Leaf } from './leaves.ts';

/**
 * One name inside a leaf: the whole of `image.repository`, the part before the tag in a full reference, one of several
 * references in a multi-line text. A probe marks segments, and an override later replaces them.
 */
export interface NameSegment {
  readonly leaf: Leaf;
  /** Offsets of the name in the value of the leaf. Both 0 for an empty leaf, whose segment is the whole value. */
  readonly start: number;
  readonly end: number;
  /** Host and path components of the name, at least one. Empty strings for an empty leaf. */
  readonly components: readonly string[];
  /** True if the first component is a host, so that its marker must look like one. */
  readonly hostFirst: boolean;
  /** For an empty leaf: text that the marker appends to the name, to form a complete reference. */
  readonly suffix: string;
}

const IMAGE_KEY = /image|repositor|registry|^repo$|^hub$|^org(?:anization)?$/i;
const HOST_KEY = /registry|^hub$|mirror|registryhost/i;

/**
 * Returns the segments of a leaf that may build one of the `written` references: names that occur in one of them, and
 * references that occur in a longer text.
 */
export function segmentsOf(leaf: Leaf, written: readonly string[]): NameSegment[] {
  const { value } = leaf;
  if (value === '') return [];
  const simple = /^(?:[a-z]+(?:\+[a-z]+)?:\/\/)?([A-Za-z0-9][\w.-]*(?::\d+(?=\/|$))?(?:\/[\w.-]+)*)/.exec(value);
  const name = simple?.[1] ?? '';
  // A number after a single word is a tag, unless the key says that the word is a host.
  const hostFirst = HOST_KEY.test(lastKey(leaf)) && !name.includes('/');
  const bareName = hostFirst || name.includes('/') ? name : name.replace(/:\d+$/, '');
  if (bareName !== '' && !/\s/.test(value.trim()) && mayBuild(leaf, bareName, written)) {
    const start = value.indexOf(bareName);
    return [segment(leaf, start, start + bareName.length, hostFirst)];
  }
  return embeddedSegments(leaf, written);
}

/** Returns the segment of a leaf that equals one component of a `written` reference, whatever its key is. */
export function wordSegment(leaf: Leaf, written: readonly string[]): NameSegment | undefined {
  const { value } = leaf;
  if (!/^[a-z0-9][\w.-]*$/.test(value)) return undefined;
  const isComponent = written.some((text) => withoutTagAndDigest(text).split('/').includes(value));
  return isComponent ? segment(leaf, 0, value.length, false) : undefined;
}

/** Returns the segment of a leaf that is empty or absent; its key determines what it can contain. */
export function emptySegment(leaf: Leaf): NameSegment {
  const key = lastKey(leaf);
  const isRepository = /repo(?:sitory)?$|name$|path$/i.test(key);
  const isImage = /image$/i.test(key);
  const components = isRepository || isImage ? ['', ''] : [''];
  return { leaf, start: 0, end: 0, components, hostFirst: true, suffix: isImage ? ':v1.0.0' : '' };
}

function mayBuild(leaf: Leaf, name: string, written: readonly string[]): boolean {
  if (!/[/.:]/.test(name) && !leaf.path.slice(-2).some((key) => IMAGE_KEY.test(String(key)))) return false;
  return written.some((text) => occurrences(withoutTagAndDigest(text), name, /[\w.-]/, /[\w-]/).length > 0);
}

function embeddedSegments(leaf: Leaf, written: readonly string[]): NameSegment[] {
  const segments: NameSegment[] = [];
  for (const text of new Set(written)) {
    if (!/[/:]/.test(text)) continue;
    for (const offset of wholeOccurrences(leaf.value, text)) {
      const start = offset + schemeOf(text).length;
      const end = offset + withoutTagAndDigest(text).length;
      if (!segments.some((other) => start < other.end && end > other.start))
        segments.push(segment(leaf, start, end, false));
    }
  }
  return segments.sort((a, b) => a.start - b.start);
}

function segment(leaf: Leaf, start: number, end: number, hostOnly: boolean): NameSegment {
  const components = leaf.value.slice(start, end).split('/');
  const first = components[0] ?? '';
  const hostFirst = hostOnly || (components.length > 1 && /[.:]/.test(first)) || first === 'localhost';
  return { leaf, start, end, components, hostFirst, suffix: '' };
}

/** Returns the offsets of `part` in `text`, except inside longer words. */
export function occurrences(text: string, part: string, before: RegExp, after: RegExp): number[] {
  const found: number[] = [];
  for (let index = text.indexOf(part); index >= 0; index = text.indexOf(part, index + 1)) {
    const previous = text[index - 1];
    const next = text[index + part.length];
    if ((previous === undefined || !before.test(previous)) && (next === undefined || !after.test(next)))
      found.push(index);
  }
  return found;
}

/** Returns the offsets of whole references: not the end of a private name, and not the beginning of a longer one. */
export function wholeOccurrences(text: string, reference: string): number[] {
  const found = occurrences(text, reference, /[\w./@-]/, /[\w/@:-]/);
  // A dot either ends a sentence or continues the tag.
  return found.filter((offset) => !/^\.\w/.test(text.slice(offset + reference.length)));
}

/** Returns the reference without tag and digest. */
export function withoutTagAndDigest(reference: string): string {
  return textBefore(reference, '@').replace(/:[^/:]*$/, '');
}

function lastKey({ path }: Leaf): string {
  return String(path.findLast((key) => typeof key === 'string') ?? '');
}

/** Returns the value of the leaf with some of its segments replaced. */
export function fillLeaf(
  leaf: Leaf,
  replacements: readonly { readonly segment: NameSegment; readonly text: string }[],
): string {
  return [...replacements]
    .sort((a, b) => b.segment.start - a.segment.start)
    .reduce((value, { segment: { start, end }, text }) => value.slice(0, start) + text + value.slice(end), leaf.value);
}

/** Formats the path of a segment for messages and for `values` of a location. */
export function segmentPath({ leaf }: NameSegment): string {
  return formatPath(leaf.path);
}
