import type * as z from 'zod';

/** Maximum number of fields in a message. */
const SHOWN = 10;

/** Formats schema errors in one line: `field: error; …`, with a count of those after the first ten. */
export function issuesOf({ issues }: z.ZodError): string {
  const fields = issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const more = fields.length > SHOWN ? `; and ${fields.length - SHOWN} more` : '';
  return `${fields.slice(0, SHOWN).join('; ')}${more}`;
}
