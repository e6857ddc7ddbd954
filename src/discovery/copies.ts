import type { Values } from '../helm/render.ts';
import { scalarAt } from '../influence/scalar.ts';
import type { PlaceFound } from './place.ts';

/**
 * Some charts hand their whole values to a program, as JSON or YAML in a variable or a file. Such a copy says what a
 * value is, not that it is used: a name there whose tag a template adds is no reference by itself, and what belongs to
 * a component that is off is pulled by nobody. Both become `possible`; a whole reference stays what it is, since a
 * program may well read it from there.
 * @param values the coalesced values of the same render
 */
export function withDoubtfulCopies(places: readonly PlaceFound[], values: Values): PlaceFound[] {
  const paths = places.map((place) => copiedPath(place, values));
  // A lone key stands at the root of many texts; only beside a longer path that fits does it say that this is a copy.
  const copies = new Set(places.flatMap((place, i) => (paths[i]?.includes('.') ? [textOf(place)] : [])));
  return places.map((place, i) => {
    const isCopy = paths[i] !== undefined && copies.has(textOf(place));
    return isCopy && (place.need === 'optional' || !isWhole(place.written))
      ? { ...place, confidence: 'possible' }
      : place;
  });
}

const FIELD_OF_TEXT = /(^|.* > )(?:json|yaml):([^>]+)$/;

/** The path inside a text, when the values have the same text at that very path. */
function copiedPath({ within = '', written }: PlaceFound, values: Values): string | undefined {
  const path = FIELD_OF_TEXT.exec(within)?.[2];
  const value = path === undefined ? undefined : scalarAt(values, path);
  return value !== undefined && value !== '' && written.startsWith(value) ? path : undefined;
}

/** Which text of the render a place is in. */
function textOf({ template, document, path, within = '' }: PlaceFound): string {
  return [template, document, path, FIELD_OF_TEXT.exec(within)?.[1]].join('\n');
}

function isWhole(written: string): boolean {
  return /[:@]/.test(written.slice(written.lastIndexOf('/') + 1));
}
