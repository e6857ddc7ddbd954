import type { How } from '../../lock/finding.ts';
import type { PlaceFound } from '../place.ts';
import type { Occurrence } from './occurrence.ts';

/** Reasons for references that need not occur in a manifest. */
const BECAUSE: Partial<Record<How, (place: PlaceFound) => string>> = {
  influence: ({ values = [] }) => `built from the values ${values.join(', ')}, which name an image`,
  'operator-rule': ({ within }) => `chosen by the operator at run time (${within ?? ''})`,
  declared: () => 'the chart lists it as one of its images',
};

/**
 * Adds references found by evidence other than the text of manifests: marked values, operator rules, declared lists. An
 * occurrence that such evidence accepts is no longer reported as rejected.
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
