/** Text without any of a character at its end. A pattern such as `x+$` begins anew at each x of a long text. */
export function withoutEnd(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}

/** Text without any of a character at both ends. */
export function withoutEnds(text: string, character: string): string {
  let start = 0;
  while (start < text.length && text[start] === character) start += 1;
  return withoutEnd(text.slice(start), character);
}

/** What stands before the first of a mark; the whole text where there is none. */
export function before(text: string, mark: string): string {
  const at = text.indexOf(mark);
  return at < 0 ? text : text.slice(0, at);
}

/** A long text without its middle, about `limit` characters, cut between lines where lines are not long themselves. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const near = limit / 8;
  let end = (limit / 4) * 3;
  const lastLine = text.lastIndexOf('\n', end);
  if (end - lastLine < near) end = lastLine;
  let start = text.length - limit / 4;
  const nextLine = text.indexOf('\n', start);
  if (nextLine >= 0 && nextLine - start < near) start = nextLine + 1;
  return `${text.slice(0, end)}\n… ${start - end} characters are left out …\n${text.slice(start)}`;
}
