import type { PlaceFound } from '../place.ts';
import { isByRule, type RuleInput } from './apply.ts';
import { findOperators } from './render.ts';
import type { Rule } from './schema.ts';

/**
 * The containers of a render, by their image fields, that run the operator which chooses an image by one of these rules;
 * by a rule that nobody has here, the one at which it was found.
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
