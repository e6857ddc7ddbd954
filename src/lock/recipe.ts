import * as z from 'zod';
import { tryParseReference } from '../oci/reference.ts';

/** A literal of the template, or components `from` to `to` of a slot and the text that they are now. */
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
 * How the references of one render are put together from values, the same for every target: what probing found out when
 * the bundle was made, so that the isolated side need not probe again.
 */
export const recipeSchema = z.object({
  /** Whether the upgrade shows these places, and the install does not. */
  upgrade: z.boolean(),
  /** Names inside values leaves. */
  slots: z.array(
    z.object({
      path: z.array(z.union([z.string(), z.int()])),
      /**
       * The name; '' of a leaf that had no value. Bundles of before have the whole text of the leaf here, with whatever
       * else stood in it. Nobody reads it but `wholeTexts`.
       */
      value: z.string(),
      /** Offsets of the name in the value. */
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
      /** Compositions by the leaves that have a value. */
      first: z.array(z.array(part)),
      /** Those with leaves that have none, too; as `first` when absent. */
      later: z.array(z.array(part)).optional(),
    }),
  ),
  /** Values paths that have to be true before the chart takes images of another registry. */
  switches: z.array(z.array(z.string())),
  /** Leaves that the chart refused to have changed. */
  refused: z.array(z.string()),
});

export type StoredRecipe = Readonly<z.infer<typeof recipeSchema>>;

type StoredSlot = StoredRecipe['slots'][number];

/** The name in a values leaf that a slot stands for; '' of a leaf that had no value. */
export function nameIn({ start, end, components }: Pick<StoredSlot, 'start' | 'end' | 'components'>): string {
  return end > start ? components.join('/') : '';
}

/** Paths of leaves whose whole text is in a recipe, where that is more than a reference: recipes of before have them. */
export function wholeTexts({ slots }: StoredRecipe): StoredSlot['path'][] {
  const whole = slots.filter((slot) => slot.value !== nameIn(slot) && tryParseReference(slot.value) === undefined);
  return [...new Map(whole.map(({ path }) => [JSON.stringify(path), path])).values()];
}

/** A recipe without such texts. */
export function withoutTexts(recipe: StoredRecipe): StoredRecipe {
  return { ...recipe, slots: recipe.slots.map((slot) => ({ ...slot, value: nameIn(slot) })) };
}
