import { inOneLine } from '../base/printable.ts';

/** The hint for a web page where a registry should have answered. */
export const NO_REGISTRY =
  'a web page comes from a proxy, a firewall or a login portal, or from a host that is no registry: check the host, and what stands before it';

/** Characters of a page that are looked at: a manifest may be 4 MiB, and so may a page in its place. */
const LIMIT = 64 * 1024;
/** Characters in which a document says that it is HTML. */
const HEAD = 1024;
/** What a web page begins with, at the latest behind comments and an XML declaration. */
const BEGINS = /<(?:!doctype html|html|head|body)[\s>]/i;
/** Elements whose text is none for people. */
const HIDDEN: readonly string[] = ['head', 'script', 'style'];

/** The text of a web page, tags taken out, or its title where it has no other; undefined for what is no web page. */
export function pageText(text: string): string | undefined {
  if (!text.startsWith('<') || !BEGINS.test(text.slice(0, HEAD))) return undefined;
  return plain(HIDDEN.reduce(without, text.slice(0, LIMIT))) || pageTitle(text);
}

/** The title of a web page; empty when it has none. */
export function pageTitle(text: string): string {
  const page = text.slice(0, LIMIT);
  const lower = page.toLowerCase();
  const start = Math.min(...openingsOf('title').map((opening) => indexOf(lower, opening, 0)));
  return plain(page.slice(start, indexOf(lower, '</title>', start)));
}

function openingsOf(name: string): readonly string[] {
  return [`<${name}>`, `<${name} `];
}

/** Takes elements out; one that is not closed goes to the end. */
function without(text: string, name: string): string {
  const lower = text.toLowerCase();
  const closing = `</${name}>`;
  let rest = '';
  let at = 0;
  // Where each opening comes next. It is looked for again only behind that, so that thousands of them take no longer.
  let next = openingsOf(name).map((opening) => ({ opening, start: indexOf(lower, opening, 0) }));
  for (;;) {
    const start = Math.min(...next.map((one) => one.start));
    rest += `${text.slice(at, start)} `;
    if (start === lower.length) return rest;
    const end = Math.min(lower.length, indexOf(lower, closing, start) + closing.length);
    at = end;
    next = next.map((one) => (one.start < end ? { ...one, start: indexOf(lower, one.opening, end) } : one));
  }
}

/** Where a text comes from a position on; the end of the whole where it does not. */
function indexOf(text: string, wanted: string, from: number): number {
  const at = text.indexOf(wanted, from);
  return at < 0 ? text.length : at;
}

/** Text without tags and entities, in one line. */
function plain(text: string): string {
  const words = text
    .replace(/<[^<>]*>/g, ' ')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&');
  return inOneLine(words);
}
