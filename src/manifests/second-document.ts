/** A line that is not empty and no comment. */
const CONTENT = /^(?![ \t\ufeff]*(?:#|\r?$))/m;

/** Reports whether a text has more than empty lines and comments. */
export function hasText(text: string): boolean {
  return CONTENT.test(text);
}

/** Finds a second document of YAML where Kubernetes does not begin one: it would be left out unnoticed. */
export function secondDocument(text: string): { readonly offset: number; readonly problem: string } | undefined {
  const separator = /(?<=\n)---.*\S/.exec(text);
  if (separator !== null) return { offset: separator.index, problem: 'a line --- has other text than a comment' };
  const end = /(?<=\n)\.\.\.(?=\s)/.exec(text)?.index;
  const isLast = end === undefined || !hasText(text.slice(text.indexOf('\n', end)));
  return isLast ? undefined : { offset: end, problem: 'text follows the line ... without a line ---' };
}
