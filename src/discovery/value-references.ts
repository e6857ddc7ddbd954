import { childPath, type FieldPath, nestedPath, scalarAt, valueAt } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import { documentKey, type RenderedDocument } from '../helm/documents.ts';
import type { Values } from '../helm/render.ts';
import { kindOf } from '../helm/type-meta.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import { type Leaf, leavesOf } from '../value-tracing/leaves.ts';
import { readRuns, type TextRun } from '../value-tracing/markers.ts';
import { type NameSegment, segmentPath } from '../value-tracing/name-segments.ts';
import type { Probe } from '../value-tracing/probe.ts';
import { acceptedReference } from './candidate.ts';
import { needOf } from './findings.ts';
import { evidenceOf, splitRoleOf } from './key-evidence.ts';
import { objectIdentity } from './object-identity.ts';
import { isIgnoredKind } from './relevance.ts';

/**
 * Returns the values leaves that name an image: `agent.image`, `image.repository`, a `repository` with a `tag` next to
 * it. Where the render contains such a leaf, the text around it is a reference.
 */
export function imageLeaves(values: Values): Leaf[] {
  return leavesOf(values).filter((leaf) => {
    if (leaf.value === '' || /\s/.test(leaf.value)) return false;
    const key = String(leaf.path.at(-1));
    if (evidenceOf(key, 'none') === 'key') return acceptedReference(leaf.value, 'key') !== undefined;
    const role = splitRoleOf(key, false)?.role;
    const isRepository = role === 'repository' || role === 'image' || role === 'name';
    return isRepository && (/image/i.test(String(leaf.path.at(-2))) || siblingTag(values, leaf) !== undefined);
  });
}

/** Returns the tag, version or digest next to a leaf; undefined if there is none or it is empty. */
function siblingTag(values: Values, { path }: Leaf): string | undefined {
  const parent = valueAt(values, path.slice(0, -1));
  if (!isMapping(parent)) return undefined;
  const found = Object.entries(parent).find(
    ([key, value]) => /^(?:tag|version|digest|sha(?:256)?)$/i.test(key) && value !== null && value !== '',
  );
  return found === undefined ? undefined : String(found[1]);
}

/**
 * Returns references built from marked image leaves that other evidence has not found: in an argument or a line of a
 * configuration file, without a registry or a tag, and without a key that names an image.
 * @param known references of the same render; these are not reported again
 */
export function tracedReferences(
  base: { readonly documents: readonly RenderedDocument[]; readonly values: Values },
  probed: Probe,
  known: readonly LocatedReference[],
  context: { readonly chart: string; readonly profile: string },
): LocatedReference[] {
  const images = new Set(imageLeaves(base.values).map(({ path }) => JSON.stringify(path)));
  const marked = new Map(
    probed.documents.map((document) => [documentKey(document.template, document.index), document]),
  );
  const knownByField = Map.groupBy(
    known,
    ({ template, document, path }) => `${documentKey(template, document)}\n${path}`,
  );
  const isImage = ({ leaf }: NameSegment): boolean => images.has(JSON.stringify(leaf.path));
  return base.documents.flatMap((original) => {
    const key = documentKey(original.template, original.index);
    const changed = marked.get(key);
    if (changed === undefined || changed.text === original.text || isIgnoredKind(kindOf(original))) return [];
    const identity = objectIdentity(original.object ?? {});
    return stringChanges(original.object, changed.object, { path: '' }).flatMap(({ fieldPath, before, after }) => {
      const knownHere = knownByField.get(`${key}\n${fieldPath.path}`) ?? [];
      return builtWords(before, readRuns(after, probed.segments), isImage).flatMap((word): LocatedReference[] => {
        if (knownHere.some(({ written }) => written.includes(word.text) || word.text.includes(written))) return [];
        const verdict =
          isCompleteReference(base.values, word) && !isCopy(before, word)
            ? acceptedReference(word.text, 'key')
            : undefined;
        if (verdict === undefined) return [];
        return [
          {
            ...context,
            template: original.template,
            document: original.index,
            ...identity,
            ...(before.includes('\n') ? nestedPath(fieldPath, `line ${lineOf(before, word.start)}`) : fieldPath),
            how: 'influence',
            written: word.text,
            values: [...new Set(word.segments.map(segmentPath))],
            reference: verdict.reference,
            confidence: 'likely',
            need: needOf('influence', identity.hook, false),
          },
        ];
      });
    });
  });
}

interface BuiltWord {
  readonly text: string;
  readonly start: number;
  readonly segments: readonly NameSegment[];
}

const REFERENCE_CHARACTER = /[\w./:@+-]/;

/** Returns the words of the unmarked text that are built from an image leaf. */
function builtWords(text: string, runs: readonly TextRun[], isImage: (segment: NameSegment) => boolean): BuiltWord[] {
  if (runs.map((run) => (run.segment === undefined ? run.literal : run.text)).join('') !== text) return [];
  const words = new Map<number, { text: string; start: number; segments: NameSegment[] }>();
  let offset = 0;
  for (const run of runs) {
    const length = run.segment === undefined ? run.literal.length : run.text.length;
    if (run.segment !== undefined && isImage(run.segment)) {
      let start = offset;
      let end = offset + length;
      while (start > 0 && REFERENCE_CHARACTER.test(text[start - 1] as string)) start -= 1;
      while (end < text.length && REFERENCE_CHARACTER.test(text[end] as string)) end += 1;
      const existing = words.get(start);
      if (existing === undefined) words.set(start, { text: text.slice(start, end), start, segments: [run.segment] });
      else existing.segments.push(run.segment);
    }
    offset += length;
  }
  return [...words.values()];
}

/**
 * Reports whether a word is only a copy of the values as programs receive them: a name without a tag, after the key of
 * its own leaf.
 */
function isCopy(text: string, { text: word, start, segments }: BuiltWord): boolean {
  if (isTagged(word)) return false;
  const linePrefix = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  const assigned = linePrefix.replace(/["']$/, '').trimEnd();
  if (!/[:=]$/.test(assigned)) return false;
  const assignedKey = assigned.slice(0, -1).trimEnd().replace(/["']$/, '');
  return segments.some(({ leaf }) => {
    const key = String(leaf.path.at(-1));
    return assignedKey.endsWith(key) && !/[\w.-]/.test(assignedKey.at(-1 - key.length) ?? '');
  });
}

function isTagged(text: string): boolean {
  return /[:@]/.test(text.slice(text.lastIndexOf('/') + 1));
}

/** A single name is ambiguous, and a repository whose tag is in another leaf is only part of a reference. */
function isCompleteReference(values: Values, { text, segments }: BuiltWord): boolean {
  if (isTagged(text)) return true;
  return text.includes('/') && segments.every(({ leaf }) => siblingTag(values, leaf) === undefined);
}

interface StringChange {
  readonly fieldPath: FieldPath;
  readonly before: string;
  readonly after: string;
}

/**
 * Returns the strings that differ between two objects of the same shape. Metadata and selectors contain names, not
 * references.
 */
function stringChanges(original: unknown, changed: unknown, fieldPath: FieldPath): StringChange[] {
  if (typeof original === 'string')
    return typeof changed === 'string' && original !== changed ? [{ fieldPath, before: original, after: changed }] : [];
  if (Array.isArray(original)) {
    return Array.isArray(changed)
      ? original.flatMap((item, i) => stringChanges(item, changed[i], childPath(fieldPath, i)))
      : [];
  }
  if (!isMapping(original) || !isMapping(changed)) return [];
  return Object.entries(original).flatMap(([key, value]) =>
    /^(?:metadata|labels|matchLabels|selector)$/.test(key)
      ? []
      : stringChanges(value, changed[key], childPath(fieldPath, key)),
  );
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/**
 * Marks references that are mere copies of values as `possible`. Some charts pass all their values to a program, as
 * JSON or YAML in a variable or a file. Such a copy contains a value but does not use it: a name whose tag is added by
 * a template is no reference by itself, and the images of a disabled component are not pulled. Complete references keep
 * their confidence, because the program may read them from the copy.
 * @param values the coalesced values of the same render
 */
export function demoteValuesCopies(references: readonly LocatedReference[], values: Values): LocatedReference[] {
  const paths = references.map((reference) => copiedPath(reference, values));
  // A single key occurs in many texts. It only counts if the same text also contains a longer path of the values.
  const copied = references.flatMap((reference, i) => (paths[i]?.includes('.') ? [{ reference, path: paths[i] }] : []));
  const copies = Map.groupBy(copied, ({ reference }) => textKey(reference));
  // Nothing reads the images in all of the values, encoded for a program that reports on the release.
  const isWhole = (reference: LocatedReference): boolean =>
    isEncodedArgument(reference) &&
    new Set(copies.get(textKey(reference))?.map(({ path }) => path.split('.')[0])).size >= MIN_COMPONENTS;
  return references.map((reference, i) => {
    if (isWhole(reference)) return { ...reference, confidence: 'possible' };
    const isCopy = paths[i] !== undefined && copies.has(textKey(reference));
    return isCopy && (reference.need === 'optional' || !hasTagOrDigest(reference.written))
      ? { ...reference, confidence: 'possible' }
      : reference;
  });
}

/** Components of the values, in one text, that make it a copy of all of them. */
const MIN_COMPONENTS = 3;

/** Reports whether a reference is in base64 in a variable or an argument. */
function isEncodedArgument({ how, within = '' }: LocatedReference): boolean {
  return (how === 'env' || how === 'argument') && /(?:^|> )base64(?: >|$)/.test(within);
}

/** Splits off the last step inside a text if it is a field; undefined otherwise. */
function lastField(within: string): { readonly before: string; readonly path: string } | undefined {
  const start = within.lastIndexOf(' > ');
  const lastStep = start < 0 ? within : within.slice(start + ' > '.length);
  const path = /^(?:json|yaml):([^>]+)$/.exec(lastStep)?.[1];
  return path === undefined ? undefined : { before: within.slice(0, within.length - lastStep.length), path };
}

/** Returns the path inside the text if the values have the same text at that path. */
function copiedPath({ within = '', written }: LocatedReference, values: Values): string | undefined {
  const path = lastField(within)?.path;
  const value = path === undefined ? undefined : scalarAt(values, path);
  return value !== undefined && value !== '' && written.startsWith(value) ? path : undefined;
}

/** Key of the rendered text that contains a reference. */
function textKey({ template, document, path, within = '' }: LocatedReference): string {
  return [template, document, path, lastField(within)?.before].join('\n');
}

function hasTagOrDigest(written: string): boolean {
  return /[:@]/.test(written.slice(written.lastIndexOf('/') + 1));
}
