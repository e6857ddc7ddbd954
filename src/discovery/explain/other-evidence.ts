import type { How } from '../../lock/finding.ts';
import type { PlaceFound } from '../place.ts';
import type { Occurrence } from './occurrence.ts';

/** Why places are taken that need not stand in a manifest at all. */
const BECAUSE: Partial<Record<How, (place: PlaceFound) => string>> = {
  influence: ({ values = [] }) => `the values ${values.join(', ')} build it, and they name an image`,
  'operator-rule': ({ within }) => `the operator itself chooses it, as an operator rule knows (${within ?? ''})`,
  declared: () => 'the chart lists it among its images',
};

/**
 * The occurrences of a text together with what evidence other than the manifests' own text knows of it: marked values,
 * operator rules, declared lists. What such evidence takes at a place is not rejected there.
 */
export function withOtherEvidence(
  occurrences: readonly Occurrence[],
  places: readonly PlaceFound[],
  asked: string,
): Occurrence[] {
  const known = places.flatMap((place): Occurrence[] => {
    const because = BECAUSE[place.how]?.(place);
    if (because === undefined || ![place.written, place.reference].some((text) => text.includes(asked))) return [];
    const { template, document, kind, name, path, within, hook, written, reference, confidence, how } = place;
    const at = { template, document, kind, name, path };
    const more = { ...(within === undefined ? {} : { within }), ...(hook === undefined ? {} : { hook }) };
    return [{ ...at, ...more, text: written, taken: true, reference, confidence, how, because }];
  });
  const isTakenThere = (one: Occurrence): boolean =>
    known.some(
      ({ how, template, document, path, text }) =>
        how === 'influence' &&
        template === one.template &&
        document === one.document &&
        path === one.path &&
        one.text.includes(text),
    );
  return [...occurrences.filter((one) => one.taken || !isTakenThere(one)), ...known];
}
