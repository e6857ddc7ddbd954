import * as z from 'zod';

/** What was left out of, or kept in, what was found: by choice, or (`dropped`) since its registry does not have it. */
export const choiceSchema = z.object({
  rule: z.enum(['exclude', 'include', 'no-tests', 'no-hooks', 'dropped']),
  /** Names, with `*` for anything; of `exclude` and `include`. */
  pattern: z.string().optional(),
  reason: z.string().optional(),
  /** Nested charts that it leaves out, with all their images. */
  charts: z.array(z.string()).optional(),
  /** References that it leaves out altogether, or keeps. */
  references: z.array(z.string()),
});

export type Choice = Readonly<z.infer<typeof choiceSchema>>;
