import type { Confidence, Finding, Need, Place } from '../lock/finding.ts';
import type { PlaceFound } from './place.ts';

const STRONGEST: readonly Confidence[] = ['certain', 'likely', 'possible'];
const MOST_IMMEDIATE: readonly Need[] = ['install', 'operand', 'lifecycle', 'optional', 'test'];

/**
 * Groups references into findings, sorted by reference. Each finding has all locations in the given order, the highest
 * confidence among them and the most immediate need.
 */
export function toFindings(places: readonly PlaceFound[]): Finding[] {
  const groups = Map.groupBy(places, (place) => place.reference);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reference, group]) => ({
      reference,
      confidence: first(
        STRONGEST,
        group.map((place) => place.confidence),
      ),
      need: first(
        MOST_IMMEDIATE,
        group.map((place) => place.need),
      ),
      found: group.map(toPlace),
    }));
}

function toPlace({ reference: _reference, confidence: _confidence, need: _need, ...place }: PlaceFound): Place {
  return place;
}

function first<T>(order: readonly T[], present: readonly T[]): T {
  return order.find((value) => present.includes(value)) as T;
}
