import type * as z from 'zod';

/** More would hide what is the matter. */
const SHOWN = 10;

/** What does not fit a schema, for a sentence: every field with what is wrong with it, ten of them by name. */
export function issuesOf({ issues }: z.ZodError): string {
  const fields = issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const more = fields.length > SHOWN ? `; and ${fields.length - SHOWN} more` : '';
  return `${fields.slice(0, SHOWN).join('; ')}${more}`;
}
