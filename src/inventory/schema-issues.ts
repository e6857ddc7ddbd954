import type * as z from 'zod';

/** Maximum number of fields in a message. */
const MAX_SHOWN = 10;

/** Formats schema errors in one line: `field: error; …`, with a count of those after the first ten. */
export function formatIssues({ issues }: z.ZodError): string {
  const fields = issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const more = fields.length > MAX_SHOWN ? `; and ${fields.length - MAX_SHOWN} more` : '';
  return `${fields.slice(0, MAX_SHOWN).join('; ')}${more}`;
}
