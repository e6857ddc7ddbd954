import type { LocatedReference } from '../located-reference.ts';
import { isFromRule, type RuleInput } from './apply.ts';
import { findOperators } from './render.ts';
import type { Rule } from './schema.ts';

/**
 * Returns the containers of a render, by their image fields, whose operator chooses an image by one of these rules; for
 * a rule that is not loaded, the one at which the image was found.
 */
export function operatorsFor(
  reference: LocatedReference,
  rules: readonly Rule[],
  { references, documents }: Pick<RuleInput, 'references' | 'documents'>,
): LocatedReference[] {
  const rule = rules.find((candidate) => isFromRule(reference, [candidate]));
  if (rule === undefined) return /\.image$/.test(reference.path) ? [reference] : [];
  return findOperators(rule.when.images, references, documents, undefined).map((operator) => operator.reference);
}
