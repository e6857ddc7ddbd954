import { valueAt } from '../base/field-path.ts';
import type { Values } from '../helm/render.ts';
import type { Location } from '../inventory/finding.ts';
import { type StoredPart, type StoredRecipe, type StoredSegment, segmentName } from '../inventory/recipe.ts';
import type { Target } from '../naming/naming.ts';
import type { LeafPath } from '../value-tracing/leaves.ts';
import type { NameSegment } from '../value-tracing/name-segments.ts';
import type { TemplatePart } from '../value-tracing/reference-template.ts';
import type { Recipe } from './recipe.ts';
import { isOfRecipe, type RecipeLocation, requiredText, unsolvedLocations } from './solve-recipe.ts';

/** Converts a recipe to the form stored in the bundle's inventory. */
export function toStoredRecipe({ locations, first, later, switches, refused }: Recipe, upgrade: boolean): StoredRecipe {
  const segments: NameSegment[] = [];
  const indexOf = (segment: NameSegment): number => {
    const index = segments.indexOf(segment);
    return index >= 0 ? index : segments.push(segment) - 1;
  };
  const stored = (referenceTemplates: readonly TemplatePart[][] = []): StoredPart[][] =>
    referenceTemplates.map((parts) =>
      parts.map((part) => {
        if (part.kind === 'literal') return part.text;
        const { segment, from, to, text } = part;
        return { slot: indexOf(segment), from, to, text };
      }),
    );
  const listed = locations.map(({ template, document, path, within, written }, i) => {
    const [firstTemplates, laterTemplates] = [stored(first[i]), stored(later[i])];
    const isSame = JSON.stringify(firstTemplates) === JSON.stringify(laterTemplates);
    const templates = { first: firstTemplates, later: isSame ? undefined : laterTemplates };
    return { template, document, path, within, written, ...templates };
  });
  return {
    upgrade,
    slots: segments.map(({ leaf, start, end, components, hostFirst, suffix }) => {
      // Only the name is stored: the text around it may hold a password, and restoring reads it from the values.
      const value = segmentName({ start, end, components: [...components] });
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
export function restoreRecipe(
  stored: StoredRecipe,
  values: Values,
  locations: readonly RecipeLocation[],
  target: Target,
): Recipe | undefined {
  const storedLocations = new Map(stored.places.map((location) => [storedKey(location), location]));
  const movable = locations.filter((location) => isOfRecipe(location, target));
  const found = movable.map((location) => storedLocations.get(storedKey(location)));
  const usedSlots = new Set<number>();
  for (const location of found) {
    if (location === undefined) return undefined;
    for (const part of [...location.first, ...(location.later ?? [])].flat())
      if (typeof part !== 'string') usedSlots.add(part.slot);
  }
  const isSame = (segment: StoredSegment | undefined): boolean =>
    segment !== undefined && hasName(textAt(values, segment.path), segment);
  if ([...usedSlots].some((index) => !isSame(stored.slots[index]))) return undefined;
  return {
    locations: movable,
    ...storedTemplates(stored, found, (path) => textAt(values, path) ?? ''),
    switches: stored.switches,
    refused: stored.refused,
  };
}

type StoredPlace = StoredRecipe['places'][number];

/** Returns the reference templates of locations. @param textOf returns the text of a leaf */
function storedTemplates(
  { slots }: StoredRecipe,
  places: readonly (StoredPlace | undefined)[],
  textOf: (path: LeafPath) => string,
): Pick<Recipe, 'first' | 'later'> {
  // Segments of one leaf share the leaf object: names are filled in per leaf.
  const leaves = new Map<string, NameSegment['leaf']>();
  const segments = slots.map(({ path, value: _, ...segment }): NameSegment => {
    const key = JSON.stringify(path);
    const leaf = leaves.get(key) ?? { path, value: textOf(path) };
    leaves.set(key, leaf);
    return { ...segment, leaf };
  });
  const partOf = (part: StoredPart): TemplatePart =>
    typeof part === 'string'
      ? { kind: 'literal', text: part }
      : { kind: 'segment', segment: segments[part.slot] as NameSegment, from: part.from, to: part.to, text: part.text };
  const referenceTemplates = (lists: readonly StoredPart[][] = []): TemplatePart[][] =>
    lists.map((parts) => parts.map(partOf));
  const first = places.map((place) => referenceTemplates(place?.first));
  return {
    first,
    later: places.map((place, i) => (place?.later === undefined ? (first[i] ?? []) : referenceTemplates(place.later))),
  };
}

/** Locations of a stored recipe: all that a target needs moved, and those that no values move there. */
export interface ValueCoverage {
  readonly movable: readonly StoredPlace[];
  readonly unmapped: readonly StoredPlace[];
}

/**
 * Solves a stored recipe for a target with the values of the bundling, without a render: so it proves nothing.
 * @returns undefined for a damaged recipe
 */
export function valueCoverage(stored: StoredRecipe, target: Target): ValueCoverage | undefined {
  const noObject = { chart: '', profile: '', kind: '', name: '', how: 'pod-spec' } as const;
  const locations = stored.places.map((place): Location => ({ ...noObject, ...place }));
  const isMovable = locations.map((location) => requiredText(location, target) !== undefined);
  const movable = stored.places.filter((_, i) => isMovable[i]);
  const parts = movable.flatMap(({ first, later = [] }) => [...first, ...later]).flat();
  if (parts.some((part) => typeof part !== 'string' && part.slot >= stored.slots.length)) return undefined;
  const names = new Map(stored.slots.map(({ path, value }) => [JSON.stringify(path), value]));
  const movableLocations = locations.filter((_, i) => isMovable[i]);
  const templates = storedTemplates(stored, movable, (path) => names.get(JSON.stringify(path)) ?? '');
  const unsolved = new Set(unsolvedLocations({ locations: movableLocations, ...templates }, target));
  return { movable, unmapped: movable.filter((_, i) => unsolved.has(movableLocations[i] as Location)) };
}

/** Returns the text of a leaf: '' without a value, undefined if it is not a string. */
function textAt(values: Values, path: LeafPath): string | undefined {
  const value = valueAt(values, path) ?? '';
  return typeof value === 'string' ? value : undefined;
}

/** Reports whether a text has the segment's name at its stored offsets, and not as part of a longer name. */
function hasName(text: string | undefined, segment: StoredSegment): boolean {
  if (text === undefined) return false;
  const { start, end } = segment;
  if (end === start) return text === '';
  const isWholeName = !/[\w/-]/.test(text.slice(end, end + 1)) && !/\w/.test(text.slice(0, start).slice(-1));
  return isWholeName && text.slice(start, end) === segmentName(segment);
}

/** Identifies a location within the renders of one chart and profile, also across the bundle and a new render. */
export function storedKey({
  template,
  document,
  path,
  within,
  written,
}: Pick<Location, 'template' | 'document' | 'path' | 'within' | 'written'>): string {
  return JSON.stringify([template, document, path, within, written]);
}
