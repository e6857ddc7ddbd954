import type { Values } from '../helm/render.ts';
import type { Part } from '../influence/composition.ts';
import { type LeafPath, valueAt } from '../influence/leaves.ts';
import type { Slot } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import type { StoredRecipe } from '../lock/recipe.ts';
import type { Target } from '../oci/naming.ts';
import type { Recipe } from './recipe.ts';
import { wantedFor } from './settle.ts';

type StoredPart = StoredRecipe['places'][number]['first'][number][number];

/** A recipe as the lock keeps it. */
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
      const { path, value } = leaf;
      return { path: [...path], value, start, end, components: [...components], hostFirst, suffix };
    }),
    places: listed,
    switches: switches.map((path) => [...path]),
    refused: [...refused],
  };
}

/**
 * The recipe for the places of a render, when it still holds for it: every place that has to be moved is in it as it
 * stands, and every leaf that it uses has the value of before. Undefined when the values at hand change the picture.
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
  const isSame = ({ path, value }: { path: LeafPath; value: string }): boolean =>
    (valueAt(values, path) ?? '') === value;
  if ([...used].some((at) => !isSame(stored.slots[at] ?? { path: [], value: '' }))) return undefined;
  // Slots of one leaf are one leaf: what is filled in is put together by it.
  const leaves = new Map<string, Slot['leaf']>();
  const slots = stored.slots.map(({ path, value, ...slot }): Slot => {
    const key = JSON.stringify(path);
    const leaf = leaves.get(key) ?? { path, value };
    leaves.set(key, leaf);
    return { ...slot, leaf };
  });
  const partOf = (part: StoredPart): Part =>
    typeof part === 'string'
      ? { kind: 'literal', text: part }
      : { kind: 'slot', slot: slots[part.slot] as Slot, from: part.from, to: part.to, text: part.text };
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

function keyOf({
  template,
  document,
  path,
  within,
  written,
}: Pick<Place, 'template' | 'document' | 'path' | 'within' | 'written'>): string {
  return JSON.stringify([template, document, path, within, written]);
}
