/** Keys of schemas and descriptions, whose values configure nothing. */
export const DESCRIPTION_KEYS = /^(?:description|example|examples|title|pattern|summary|comment)$/;
/** Maximum lines searched above a name. */
const MAX_LINES = 200;

/** Reports whether a line is inside a description: one of its parent lines, by indentation, has a description key. */
export function isInDescription(text: string, start: number, margin: number): boolean {
  let indent = margin;
  let position = start;
  for (let i = 0; i < MAX_LINES && position > 0 && indent > 0; i++) {
    const above = text.lastIndexOf('\n', position - 2) + 1;
    const content = text.slice(above, position);
    const column = content.search(/\S/);
    if (column >= 0 && column < indent) {
      if (DESCRIPTION_KEYS.test(/^\s*(?:- )?"?([\w-]+)"?:/.exec(content)?.[1] ?? '')) return true;
      indent = column;
    }
    position = above;
  }
  return false;
}

/** Copies a text, since a substring keeps the complete text in memory. */
export function detachedCopy(text: string): string {
  return Buffer.from(text).toString();
}
