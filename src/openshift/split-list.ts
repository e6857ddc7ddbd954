/** First lines of a list as kubectl and oc print it, up to the first item. */
const HEAD = /^(?:apiVersion: v1\n)items:\n(?=- )/;

/** Lines after the items: `kind: List` and the metadata of the list, without a token of further parts. */
const TAIL = /\nkind: List\nmetadata:\n {2}resourceVersion: "\d*"\n(?: {2}selfLink: ""\n)?$/;

/**
 * Splits a long YAML list of objects into the texts of its items, which are parsed one by one: the parser needs about a
 * hundred times the size of a text. Only the form that `oc get -o yaml` prints is split, in which no line of an item begins
 * at the margin except its first.
 * @returns undefined for any other text
 */
export function splitList(text: string): string[] | undefined {
  const normalized = text.endsWith('\n') ? text : `${text}\n`;
  const head = HEAD.exec(normalized);
  const tail = TAIL.exec(normalized);
  if (head === null || tail === null) return undefined;
  const items: string[] = [];
  let lines: string[] = [];
  for (const line of normalized.slice(head[0].length, tail.index).split('\n')) {
    if (line.startsWith('- ')) {
      if (lines.length > 0) items.push(lines.join('\n'));
      lines = [line.slice(2)];
    } else if (line === '') lines.push(line);
    else if (line.startsWith('  ')) lines.push(line.slice(2));
    else return undefined;
  }
  return [...items, `${lines.join('\n')}\n`];
}
