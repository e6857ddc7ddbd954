/** Removes a character from the end of a text. A pattern such as `x+$` takes quadratic time on a long text. */
export function withoutEnd(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}

/** Removes a character from both ends of a text. */
export function withoutEnds(text: string, character: string): string {
  let start = 0;
  while (start < text.length && text[start] === character) start += 1;
  return withoutEnd(text.slice(start), character);
}

/** Returns the text before the first occurrence of `mark`, or the whole text if there is none. */
export function before(text: string, mark: string): string {
  const at = text.indexOf(mark);
  return at < 0 ? text : text.slice(0, at);
}

/** Cuts the middle out of a long text, down to about `limit` characters, at line breaks where possible. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const near = limit / 8;
  let end = (limit / 4) * 3;
  const lastLine = text.lastIndexOf('\n', end);
  if (end - lastLine < near) end = lastLine;
  let start = text.length - limit / 4;
  const nextLine = text.indexOf('\n', start);
  if (nextLine >= 0 && nextLine - start < near) start = nextLine + 1;
  return `${text.slice(0, end)}\n… ${start - end} characters left out …\n${text.slice(start)}`;
}
