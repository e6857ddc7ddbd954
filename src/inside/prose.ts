/** Keys of schemas and descriptions, whose values configure nothing. */
export const TELLS = /^(?:description|example|examples|title|pattern|summary|comment)$/;
/** Maximum lines searched above a name. */
const LONGEST = 200;

/** Checks if a line is inside a description: one of its parent lines, by indentation, has a description key. */
export function isTold(text: string, start: number, margin: number): boolean {
  let indent = margin;
  let at = start;
  for (let i = 0; i < LONGEST && at > 0 && indent > 0; i++) {
    const above = text.lastIndexOf('\n', at - 2) + 1;
    const content = text.slice(above, at);
    const left = content.search(/\S/);
    if (left >= 0 && left < indent) {
      if (TELLS.test(/^\s*(?:- )?"?([\w-]+)"?:/.exec(content)?.[1] ?? '')) return true;
      indent = left;
    }
    at = above;
  }
  return false;
}

/** Copies a text, since a substring keeps the complete text in memory. */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}
