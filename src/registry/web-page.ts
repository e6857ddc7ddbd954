/** Characters in which a document says that it is HTML. */
const HEAD = 1024;
/** What a web page begins with, at the latest behind comments and an XML declaration. */
const BEGINS = /<(?:!doctype html|html|head|body)[\s>]/i;
/** Elements whose text is none for people. */
const HIDDEN: readonly string[] = ['head', 'script', 'style'];

/** The text of a web page, tags taken out, or its title where it has no other; undefined for what is no web page. */
export function pageText(text: string): string | undefined {
  if (!text.startsWith('<') || !BEGINS.test(text.slice(0, HEAD))) return undefined;
  return plain(HIDDEN.reduce(without, text)) || pageTitle(text);
}

/** The title of a web page; empty when it has none. */
export function pageTitle(text: string): string {
  const [from, to] = span(text.toLowerCase(), 'title', 0) ?? [0, 0];
  return plain(text.slice(from, to));
}

function without(text: string, name: string): string {
  const lower = text.toLowerCase();
  let rest = '';
  let at = 0;
  for (let next = span(lower, name, 0); next !== undefined; next = span(lower, name, at)) {
    rest += `${text.slice(at, next[0])} `;
    at = next[1];
  }
  return rest + text.slice(at);
}

/** Where an element begins and ends, from a position on; one that is not closed goes to the end. */
function span(lower: string, name: string, from: number): readonly [number, number] | undefined {
  const starts = [`<${name}>`, `<${name} `].map((opening) => lower.indexOf(opening, from)).filter((at) => at >= 0);
  if (starts.length === 0) return undefined;
  const start = Math.min(...starts);
  const closing = `</${name}>`;
  const end = lower.indexOf(closing, start);
  return [start, end < 0 ? lower.length : end + closing.length];
}

/** Text without tags and entities, in one line. */
function plain(text: string): string {
  return text
    .replace(/<[^<>]*>/g, ' ')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
}
