import * as z from 'zod';

/** A selection made by the user; in older bundles also (`dropped`) images that their registry did not have. */
export const selectionRecordSchema = z.object({
  rule: z.enum(['exclude', 'include', 'no-tests', 'no-hooks', 'dropped']),
  /** Pattern with `*` wildcards of `exclude` and `include`. */
  pattern: z.string().optional(),
  reason: z.string().optional(),
  /** Nested charts that it excludes with all their images. */
  charts: z.array(z.string()).optional(),
  /** References that it excludes or includes. */
  references: z.array(z.string()),
});

export type SelectionRecord = Readonly<z.infer<typeof selectionRecordSchema>>;
