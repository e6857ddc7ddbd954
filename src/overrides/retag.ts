import type { Change } from '../influence/changes.ts';
import { keysOf } from '../influence/scalar.ts';
import { isTagChanged, isUnderTarget, type Target, targetReference } from '../oci/naming.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { keyOfPlace, type ReferencePlace } from './proof.ts';

/** A place with the right repository, where only the tag is not yet the one that push writes. */
export interface OpenTag {
  /** In which of the chart's renders. */
  readonly render: number;
  readonly template: string;
  readonly document: number;
  /** The fields that hold it. */
  readonly fields: readonly string[];
  /** As it is written now, and the source as it was written before. */
  readonly written: string;
  readonly source: string;
  readonly tag: string;
  /** What has to follow the tag. */
  readonly addition: string;
}

/**
 * Places of a render that lack nothing but what a naming adds to their tags.
 * @param before where references stand without overrides
 * @param after the same with overrides that keep tags
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

/** The places that a change is about. */
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

/** Whether a change adds some of these texts, and does nothing else. */
export function isAdding({ was, is }: Change, additions: readonly string[]): boolean {
  if (typeof is !== 'string' || was === undefined) return false;
  const longestFirst = [...additions].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((text, addition) => text.replaceAll(addition, ''), is) === String(was);
}

// Kubernetes, "Labels and Selectors", syntax and character set.
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** Whether a change is that of a label which shows a tag, as a whole or cut, and a label still; a selector's is not. */
export function isShowing({ path, was, is }: Change, additions: readonly string[]): boolean {
  if (path.at(-2) !== 'labels' || typeof was !== 'string' || typeof is !== 'string') return false;
  const isCut = is.startsWith(was) && additions.some((addition) => (was + addition).startsWith(is));
  return isCut && LABEL.test(is);
}
