/** First lines of a list as kubectl and oc print it, up to the first item. */
const HEAD = /^apiVersion: v1\nitems:\n(?=- )/;

/** Lines after the items: `kind: List` and the metadata of the list, without a token of further parts. */
const TAIL = /\nkind: List\nmetadata:\n {2}resourceVersion: "\d*"\n(?: {2}selfLink: ""\n)?$/;

/** Maximum characters of the tail. */
const MAX_TAIL = 200;

/** A line that belongs to no item. */
const FOREIGN_LINE = /^(?!- | {2}|$)/m;

/**
 * Splits a long YAML list of objects into the texts of its items, which are parsed one by one: the parser needs about a
 * hundred times the size of a text. Only the form that `oc get -o yaml` prints is split, in which no line of an item begins
 * at the margin except its first.
 * @returns undefined for any other text
 */
export function splitList(text: string): Iterable<string> | undefined {
  const end = `${text.trimEnd()}\n`;
  const head = HEAD.exec(end.slice(0, MAX_TAIL));
  const tail = TAIL.exec(end.slice(-MAX_TAIL));
  if (head === null || tail === null) return undefined;
  const items = end.slice(head[0].length, end.length - tail[0].length + 1);
  return FOREIGN_LINE.test(items) ? undefined : itemTexts(items);
}

function* itemTexts(items: string): Generator<string> {
  for (let start = 0; start < items.length; ) {
    const next = items.indexOf('\n- ', start);
    const end = next < 0 ? items.length : next + 1;
    yield items.slice(start, end).replace(/^(?:- | {2})/gm, '');
    start = end;
  }
}
