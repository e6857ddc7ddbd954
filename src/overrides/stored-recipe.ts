import type { Values } from '../helm/render.ts';
import type { Part } from '../influence/composition.ts';
import { type LeafPath, valueAt } from '../influence/leaves.ts';
import type { Slot } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import { nameIn, type StoredRecipe } from '../lock/recipe.ts';
import type { Target } from '../oci/naming.ts';
import type { Recipe } from './recipe.ts';
import { wantedFor } from './settle.ts';

type StoredSlot = StoredRecipe['slots'][number];
type StoredPart = StoredRecipe['places'][number]['first'][number][number];

/** Converts a recipe to the form stored in the bundle's inventory. */
export function store({ places, first, later, switches, refused }: Recipe, upgrade: boolean): StoredRecipe {
  const slots: Slot[] = [];
  const indexOf = (slot: Slot): number => {
    const at = slots.indexOf(slot);
    return at >= 0 ? at : slots.push(slot) - 1;
  };
  const stored = (compositions: readonly Part[][] = []): StoredPart[][] =>
    compositions.map((parts) =>
      parts.map((part) => {
        if (part.kind === 'literal') return part.text;
        const { slot, from, to, text } = part;
        return { slot: indexOf(slot), from, to, text };
      }),
    );
  const listed = places.map(({ template, document, path, within, written }, i) => {
    const place = { template, document, path, ...(within === undefined ? {} : { within }), written };
    const [own, more] = [stored(first[i]), stored(later[i])];
    return { ...place, first: own, ...(JSON.stringify(own) === JSON.stringify(more) ? {} : { later: more }) };
  });
  return {
    upgrade,
    slots: slots.map(({ leaf, start, end, components, hostFirst, suffix }) => {
      // Only the name is stored: the text around it may hold a password, and restoring reads it from the values.
      const value = nameIn({ start, end, components: [...components] });
      return { path: [...leaf.path], value, start, end, components: [...components], hostFirst, suffix };
    }),
    places: listed,
    switches: switches.map((path) => [...path]),
    refused: [...refused],
  };
}

/**
 * Restores a stored recipe for a render. Returns undefined if it no longer applies: a location to move is missing from
 * it, or a leaf that it uses has a different name at the stored offsets.
 */
export function restore(
  stored: StoredRecipe,
  values: Values,
  places: readonly Place[],
  target: Target,
): Recipe | undefined {
  const known = new Map(stored.places.map((place) => [keyOf(place), place]));
  const movable = places.filter((place) => wantedFor(place, target) !== undefined);
  const found = movable.map((place) => known.get(keyOf(place)));
  const used = new Set<number>();
  for (const place of found) {
    if (place === undefined) return undefined;
    for (const part of [...place.first, ...(place.later ?? [])].flat())
      if (typeof part !== 'string') used.add(part.slot);
  }
  const isSame = (slot: StoredSlot | undefined): boolean =>
    slot !== undefined && hasName(textAt(values, slot.path), slot);
  if ([...used].some((at) => !isSame(stored.slots[at]))) return undefined;
  // Segments of one leaf share the leaf object: names are filled in per leaf.
  const leaves = new Map<string, Slot['leaf']>();
  const slots = stored.slots.map(({ path, value: _, ...slot }): Slot => {
    const key = JSON.stringify(path);
    const leaf = leaves.get(key) ?? { path, value: textAt(values, path) ?? '' };
    leaves.set(key, leaf);
    return { ...slot, leaf };
  });
  const partOf = (part: StoredPart): Part =>
    typeof part === 'string'
      ? { kind: 'literal', text: part }
      : { kind: 'segment', slot: slots[part.slot] as Slot, from: part.from, to: part.to, text: part.text };
  const compositions = (lists: readonly StoredPart[][] = []): Part[][] => lists.map((parts) => parts.map(partOf));
  const first = found.map((place) => compositions(place?.first));
  return {
    places: movable,
    first,
    later: found.map((place, i) => (place?.later === undefined ? (first[i] ?? []) : compositions(place.later))),
    switches: stored.switches,
    refused: stored.refused,
  };
}

/** Returns the text of a leaf: '' without a value, undefined if it is not a string. */
function textAt(values: Values, path: LeafPath): string | undefined {
  const value = valueAt(values, path) ?? '';
  return typeof value === 'string' ? value : undefined;
}

/** Reports whether a text has the segment's name at its stored offsets, and not as part of a longer name. */
function hasName(text: string | undefined, slot: StoredSlot): boolean {
  if (text === undefined) return false;
  const { start, end } = slot;
  if (end === start) return text === '';
  const isApart = !/[\w/-]/.test(text.slice(end, end + 1)) && !/\w/.test(text.slice(0, start).slice(-1));
  return isApart && text.slice(start, end) === nameIn(slot);
}

function keyOf({
  template,
  document,
  path,
  within,
  written,
}: Pick<Place, 'template' | 'document' | 'path' | 'within' | 'written'>): string {
  return JSON.stringify([template, document, path, within, written]);
}
