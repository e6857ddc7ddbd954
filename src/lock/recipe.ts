import * as z from 'zod';

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
      /** Of the leaf when it was probed; '' for one that had none. */
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
