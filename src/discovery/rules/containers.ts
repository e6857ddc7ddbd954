import type { PlaceFound } from '../place.ts';
import { isByRule, type RuleInput } from './apply.ts';
import { findOperators } from './render.ts';
import type { Rule } from './schema.ts';

/**
 * Returns the containers of a render, by their image fields, whose operator chooses an image by one of these rules; for
 * a rule that is not loaded, the one at which the image was found.
 */
export function operatorsFor(
  place: PlaceFound,
  rules: readonly Rule[],
  { places, documents }: Pick<RuleInput, 'places' | 'documents'>,
): PlaceFound[] {
  const rule = rules.find((one) => isByRule(place, [one]));
  if (rule === undefined) return /\.image$/.test(place.path) ? [place] : [];
  return findOperators(rule.when.images, places, documents, undefined).map((operator) => operator.place);
}
