import type { Change } from '../influence/changes.ts';
import { keysOf } from '../influence/scalar.ts';
import { isTagChanged, isUnderTarget, type Target, targetReference } from '../oci/naming.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { keyOfPlace, type ReferencePlace } from './proof.ts';

/** Location that has the target repository, but not yet the tag that push writes. */
export interface OpenTag {
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
export function openTags(
  before: readonly ReferencePlace[],
  after: readonly ReferencePlace[],
  target: Target,
  render: number,
): OpenTag[] {
  const now = Map.groupBy(after, keyOfPlace);
  return before.flatMap((place): OpenTag[] => {
    const source = parseReference(place.reference);
    const { tag = '' } = source;
    const wanted = targetReference(target, source);
    if (isUnderTarget(target, source) || !isTagChanged(target, source) || !wanted.tag?.startsWith(tag)) return [];
    const half = formatReference({ ...wanted, tag });
    const here = now.get(keyOfPlace(place))?.find(({ reference }) => reference === half);
    if (here === undefined || !here.written.includes(`:${tag}`)) return [];
    const fields = here.within === undefined ? here.parts?.map(({ path }) => path) : undefined;
    return [
      {
        render,
        template: place.template,
        document: place.document,
        fields: fields ?? [here.path],
        written: here.written,
        source: place.written,
        tag,
        addition: wanted.tag.slice(tag.length),
      },
    ];
  });
}

/** Returns the pending tags in the field that changed. */
export function tagsAt({ render, template, document, path }: Change, open: readonly OpenTag[]): OpenTag[] {
  const at = JSON.stringify(path.map(String));
  return open.filter(
    (one) =>
      one.render === render &&
      one.template === template &&
      one.document === document &&
      one.fields.some((field) => JSON.stringify(keysOf(field)) === at),
  );
}

/** Reports whether a change only inserts some of these texts. */
export function isAdding({ was, is }: Change, additions: readonly string[]): boolean {
  if (typeof is !== 'string' || was === undefined) return false;
  const longestFirst = [...additions].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((text, addition) => text.replaceAll(addition, ''), is) === String(was);
}

// Kubernetes, "Labels and Selectors", syntax and character set.
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** Reports whether a change only extends a label that shows a tag, possibly truncated, and the label stays valid. */
export function isShowing({ path, was, is }: Change, additions: readonly string[]): boolean {
  if (path.at(-2) !== 'labels' || typeof was !== 'string' || typeof is !== 'string') return false;
  const isCut = is.startsWith(was) && additions.some((addition) => (was + addition).startsWith(is));
  return isCut && LABEL.test(is);
}
