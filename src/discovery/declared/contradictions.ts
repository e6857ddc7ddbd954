import type { LocatedReference } from '../../inventory/finding.ts';
import { formatReference, formatRepository, parseReference, type Reference } from '../../oci/reference.ts';

/** A declared image for which the render contains a different reference. */
export interface Contradiction {
  readonly declared: LocatedReference;
  /** References of the same image in the render, normalized, without duplicates. */
  readonly found: readonly string[];
  /** The component that differs. */
  readonly differs: 'registry' | 'tag' | 'digest';
}

/**
 * Returns the declared images whose repository the render contains only with other tags, other digests, or at another
 * registry. A repository with at least one agreeing reference has no contradictions: operators declare several
 * versions.
 */
export function contradictions(
  declared: readonly LocatedReference[],
  found: readonly LocatedReference[],
): Contradiction[] {
  const rendered = distinctReferences(
    found.filter((located) => located.how !== 'declared' && located.confidence !== 'possible'),
  );
  const agreed = new Set(
    declared.flatMap((located) => {
      const reference = parseReference(located.reference);
      return rendered.some((other) => agrees(reference, other)) ? [formatRepository(reference)] : [];
    }),
  );
  return declared.flatMap((located) => {
    const reference = parseReference(located.reference);
    if (agreed.has(formatRepository(reference))) return [];
    const sameRepository = rendered.filter((other) => formatRepository(other) === formatRepository(reference));
    const samePath = rendered.filter((other) => other.path === reference.path && other.registry !== reference.registry);
    const others = sameRepository.length > 0 ? sameRepository : samePath;
    const [first] = others;
    if (first === undefined) return [];
    return [{ declared: located, found: others.map(formatReference), differs: difference(reference, first) }];
  });
}

/**
 * Returns the declared references to list in addition to the found ones: without contradictions, and replaced by the
 * reference of the render where the two differ only by a digest, so that they become one finding.
 */
export function withoutContradictions(
  declared: readonly LocatedReference[],
  found: readonly LocatedReference[],
): LocatedReference[] {
  const refuted = new Set(contradictions(declared, found).map((contradiction) => contradiction.declared));
  const rendered = distinctReferences(found);
  return declared
    .filter((located) => !refuted.has(located))
    .map((located) => {
      const reference = parseReference(located.reference);
      const agreeing = rendered.find((other) => agrees(reference, other));
      return agreeing === undefined ? located : { ...located, reference: formatReference(agreeing) };
    });
}

/** Equal, or equal except for a digest that only one of them has. */
function agrees(a: Reference, b: Reference): boolean {
  if (formatRepository(a) !== formatRepository(b)) return false;
  if (a.digest !== undefined && b.digest !== undefined) return a.digest === b.digest;
  return a.tag === b.tag;
}

function difference(declared: Reference, found: Reference): Contradiction['differs'] {
  if (declared.registry !== found.registry) return 'registry';
  return declared.tag === found.tag ? 'digest' : 'tag';
}

function distinctReferences(references: readonly LocatedReference[]): Reference[] {
  return [...new Set(references.map((located) => located.reference))].map(parseReference);
}
