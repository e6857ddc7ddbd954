/** Fields of schemas and descriptions: they tell, and set nothing. */
export const TELLS = /^(?:description|example|examples|title|pattern|summary|comment)$/;
/** Lines of a description above a name. */
const LONGEST = 200;

/** Whether a line lies in a description: one of the lines above it that are indented less and less begins one. */
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

/** A copy: a part of a text would keep all of it in memory. */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}
