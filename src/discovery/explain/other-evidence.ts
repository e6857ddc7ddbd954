import type { EvidenceKind } from '../../inventory/finding.ts';
import type { LocatedReference } from '../located-reference.ts';
import type { Occurrence } from './occurrence.ts';

/** Reasons for references that need not occur in a manifest. */
const REASONS: Partial<Record<EvidenceKind, (located: LocatedReference) => string>> = {
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
  references: readonly LocatedReference[],
  query: string,
): Occurrence[] {
  const otherOccurrences = references.flatMap((located): Occurrence[] => {
    const because = REASONS[located.how]?.(located);
    if (because === undefined || ![located.written, located.reference].some((text) => text.includes(query))) return [];
    const { template, document, kind, name, path, within, hook, written, reference, confidence, how } = located;
    const objectLocation = { template, document, kind, name, path };
    const optionalFields = { ...(within === undefined ? {} : { within }), ...(hook === undefined ? {} : { hook }) };
    return [{ ...objectLocation, ...optionalFields, text: written, taken: true, reference, confidence, how, because }];
  });
  const isAcceptedByOther = (occurrence: Occurrence): boolean =>
    otherOccurrences.some(
      ({ how, template, document, path, text }) =>
        how === 'influence' &&
        template === occurrence.template &&
        document === occurrence.document &&
        path === occurrence.path &&
        occurrence.text.includes(text),
    );
  return [
    ...occurrences.filter((occurrence) => occurrence.taken || !isAcceptedByOther(occurrence)),
    ...otherOccurrences,
  ];
}
