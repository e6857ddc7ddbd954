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

/** The last step inside a text, where that is a field of it, and the steps before. */
function lastField(within: string): { readonly before: string; readonly path: string } | undefined {
  const start = within.lastIndexOf(' > ');
  const last = start < 0 ? within : within.slice(start + ' > '.length);
  const path = /^(?:json|yaml):([^>]+)$/.exec(last)?.[1];
  return path === undefined ? undefined : { before: within.slice(0, within.length - last.length), path };
}

/** The path inside a text, when the values have the same text at that very path. */
function copiedPath({ within = '', written }: PlaceFound, values: Values): string | undefined {
  const path = lastField(within)?.path;
  const value = path === undefined ? undefined : scalarAt(values, path);
  return value !== undefined && value !== '' && written.startsWith(value) ? path : undefined;
}

/** Which text of the render a place is in. */
function textOf({ template, document, path, within = '' }: PlaceFound): string {
  return [template, document, path, lastField(within)?.before].join('\n');
}

function isWhole(written: string): boolean {
  return /[:@]/.test(written.slice(written.lastIndexOf('/') + 1));
}
