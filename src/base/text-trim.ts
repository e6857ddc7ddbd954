/** Removes a character from the end of a text. A pattern such as `x+$` takes quadratic time on a long text. */
export function trimTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}

/** Removes a character from both ends of a text. */
export function trimBothEnds(text: string, character: string): string {
  let start = 0;
  while (start < text.length && text[start] === character) start += 1;
  return trimTrailing(text.slice(start), character);
}

/** Returns the text before the first occurrence of `mark`, or the whole text if there is none. */
export function textBefore(text: string, mark: string): string {
  const index = text.indexOf(mark);
  return index < 0 ? text : text.slice(0, index);
}

/** Cuts the middle out of a long text, down to about `limit` characters, at line breaks where possible. */
export function truncateMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const near = limit / 8;
  let end = (limit / 4) * 3;
  const lastLine = text.lastIndexOf('\n', end);
  if (end - lastLine < near) end = lastLine;
  let start = text.length - limit / 4;
  const nextLine = text.indexOf('\n', start);
  if (nextLine >= 0 && nextLine - start < near) start = nextLine + 1;
  return `${text.slice(0, end)}\n... ${start - end} characters left out ...\n${text.slice(start)}`;
}
