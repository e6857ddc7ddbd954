import * as z from 'zod';
import { tryParseReference } from '../oci/reference.ts';

/** Part of a reference template: a literal, or components `from` to `to` of a name segment with their current text. */
const part = z.union([
  z.string(),
  z.object({
    /** Position in `slots`. */
    slot: z.int().nonnegative(),
    from: z.int().nonnegative(),
    to: z.int().nonnegative(),
    text: z.string(),
  }),
]);

/**
 * Recipe of one render: how its references are built from values, as found by value tracing when the bundle was
 * created. It is stored so that the isolated side needs no probing renders, and independent of the target.
 */
export const recipeSchema = z.object({
  /** True if only the upgrade has these locations. */
  upgrade: z.boolean(),
  /** Name segments inside values leaves. */
  slots: z.array(
    z.object({
      path: z.array(z.union([z.string(), z.int()])),
      /**
       * The name; '' for a leaf without value. Older bundles contain the whole text of the leaf here. Only
       * `legacyTextPaths` reads it.
       */
      value: z.string(),
      /** Offsets of the name in the leaf's text. */
      start: z.int().nonnegative(),
      end: z.int().nonnegative(),
      components: z.array(z.string()).min(1),
      hostFirst: z.boolean(),
      suffix: z.string(),
    }),
  ),
  places: z.array(
    z.object({
      template: z.string(),
      document: z.int().nonnegative(),
      path: z.string(),
      within: z.string().optional(),
      written: z.string(),
      /** Templates built from leaves that have a value. */
      first: z.array(z.array(part)),
      /** Templates that also use leaves without a value; same as `first` if absent. */
      later: z.array(z.array(part)).optional(),
    }),
  ),
  /** Values paths that must be true for the chart to accept images from another registry. */
  switches: z.array(z.array(z.string())),
  /** Leaves that the chart did not accept changes to. */
  refused: z.array(z.string()),
});

export type StoredRecipe = Readonly<z.infer<typeof recipeSchema>>;

/** Name segment of a stored recipe. */
export type StoredSegment = StoredRecipe['slots'][number];

/** Part of a reference template of a stored recipe. */
export type StoredPart = z.infer<typeof part>;

/** Returns the name of a segment; '' for a leaf without value. */
export function segmentName({ start, end, components }: Pick<StoredSegment, 'start' | 'end' | 'components'>): string {
  return end > start ? components.join('/') : '';
}

/** Returns the paths of leaves whose text in the recipe is more than a reference, as in recipes of older bundles. */
export function legacyTextPaths({ slots }: StoredRecipe): StoredSegment['path'][] {
  const withWholeText = slots.filter(
    (segment) => segment.value !== segmentName(segment) && tryParseReference(segment.value) === undefined,
  );
  return [...new Map(withWholeText.map(({ path }) => [JSON.stringify(path), path])).values()];
}

/** Returns the recipe with names in place of such texts. */
export function withoutLegacyTexts(recipe: StoredRecipe): StoredRecipe {
  return { ...recipe, slots: recipe.slots.map((segment) => ({ ...segment, value: segmentName(segment) })) };
}
