import { formatReference, formatRepository, parseReference, type Reference } from '../../oci/reference.ts';
import type { PlaceFound } from '../place.ts';

/** A declared image for which the render contains a different reference. */
export interface Contradiction {
  readonly declared: PlaceFound;
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
export function contradictions(declared: readonly PlaceFound[], found: readonly PlaceFound[]): Contradiction[] {
  const rendered = unique(found.filter((place) => place.how !== 'declared' && place.confidence !== 'possible'));
  const agreed = new Set(
    declared.flatMap((place) => {
      const reference = parseReference(place.reference);
      return rendered.some((other) => agrees(reference, other)) ? [formatRepository(reference)] : [];
    }),
  );
  return declared.flatMap((place) => {
    const reference = parseReference(place.reference);
    if (agreed.has(formatRepository(reference))) return [];
    const sameRepository = rendered.filter((other) => formatRepository(other) === formatRepository(reference));
    const samePath = rendered.filter((other) => other.path === reference.path && other.registry !== reference.registry);
    const others = sameRepository.length > 0 ? sameRepository : samePath;
    const [first] = others;
    if (first === undefined) return [];
    return [{ declared: place, found: others.map(formatReference), differs: difference(reference, first) }];
  });
}

/**
 * Returns the declared references to list in addition to the found ones: without contradictions, and replaced by the
 * reference of the render where the two differ only by a digest, so that they become one finding.
 */
export function withoutContradictions(declared: readonly PlaceFound[], found: readonly PlaceFound[]): PlaceFound[] {
  const refuted = new Set(contradictions(declared, found).map((contradiction) => contradiction.declared));
  const rendered = unique(found);
  return declared
    .filter((place) => !refuted.has(place))
    .map((place) => {
      const reference = parseReference(place.reference);
      const same = rendered.find((other) => agrees(reference, other));
      return same === undefined ? place : { ...place, reference: formatReference(same) };
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

function unique(places: readonly PlaceFound[]): Reference[] {
  return [...new Set(places.map((place) => place.reference))].map(parseReference);
}
