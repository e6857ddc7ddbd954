import { parseFieldPath } from '../base/field-path.ts';
import { isTagChanged, isUnderTarget, type Target, targetReference } from '../naming/naming.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import type { Change } from '../value-tracing/changes.ts';
import { locationKey, type ReferenceLocation } from './proof.ts';

/** Location that has the target repository, but not yet the tag that push writes. */
export interface PendingTag {
  /** Index of the render. */
  readonly render: number;
  readonly template: string;
  readonly document: number;
  /** Fields that hold the reference. */
  readonly fields: readonly string[];
  /** Text with the overrides. */
  readonly written: string;
  /** Text without the overrides. */
  readonly source: string;
  readonly tag: string;
  /** Suffix that the tag lacks. */
  readonly addition: string;
}

/**
 * Returns the locations of a render that lack only the tag suffix added by the naming.
 * @param before references without overrides
 * @param after references with overrides that keep tags
 */
export function pendingTags(
  before: readonly ReferenceLocation[],
  after: readonly ReferenceLocation[],
  target: Target,
  render: number,
): PendingTag[] {
  const afterByLocation = Map.groupBy(after, locationKey);
  return before.flatMap((location): PendingTag[] => {
    const source = parseReference(location.reference);
    const { tag = '' } = source;
    const expected = targetReference(target, source);
    if (isUnderTarget(target, source) || !isTagChanged(target, source) || !expected.tag?.startsWith(tag)) return [];
    const partiallyMoved = formatReference({ ...expected, tag });
    const current = afterByLocation.get(locationKey(location))?.find(({ reference }) => reference === partiallyMoved);
    if (current === undefined || !current.written.includes(`:${tag}`)) return [];
    const fields = current.within === undefined ? current.parts?.map(({ path }) => path) : undefined;
    return [
      {
        render,
        template: location.template,
        document: location.document,
        fields: fields ?? [current.path],
        written: current.written,
        source: location.written,
        tag,
        addition: expected.tag.slice(tag.length),
      },
    ];
  });
}

/** Returns the pending tags in the field that changed. */
export function pendingTagsFor(
  { render, template, document, path }: Change,
  pending: readonly PendingTag[],
): PendingTag[] {
  const keys = JSON.stringify(path.map(String));
  return pending.filter(
    (tag) =>
      tag.render === render &&
      tag.template === template &&
      tag.document === document &&
      tag.fields.some((field) => JSON.stringify(parseFieldPath(field).map(String)) === keys),
  );
}

/** Reports whether a change only inserts some of these texts. */
export function isTagAddition({ before, after }: Change, additions: readonly string[]): boolean {
  if (typeof after !== 'string' || before === undefined) return false;
  const longestFirst = [...additions].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((text, addition) => text.replaceAll(addition, ''), after) === String(before);
}

// Kubernetes, "Labels and Selectors", syntax and character set.
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** Reports whether a change only extends a label that shows a tag, possibly truncated, and the label stays valid. */
export function isTagLabel({ path, before, after }: Change, additions: readonly string[]): boolean {
  if (path.at(-2) !== 'labels' || typeof before !== 'string' || typeof after !== 'string') return false;
  const isCut = after.startsWith(before) && additions.some((addition) => (before + addition).startsWith(after));
  return isCut && LABEL.test(after);
}
