import { inOneLine } from '../base/printable.ts';

/** Hint for a web page in place of a response of a registry. */
export const NO_REGISTRY =
  'a proxy, a firewall or a login portal may have sent the web page, or the host is not a registry: check the host and what is in front of it';

/** Maximum characters of a page to read: a page in place of a manifest can have 4 MiB. */
const LIMIT = 64 * 1024;
/** Characters at the start of a document in which HTML is detected. */
const HEAD = 1024;
/** Start of a web page, possibly after comments and an XML declaration. */
const BEGINS = /<(?:!doctype html|html|head|body)[\s>]/i;
/** Elements without visible text. */
const HIDDEN: readonly string[] = ['head', 'script', 'style'];

/** Returns the visible text of a web page, or its title if there is none; undefined for anything else. */
export function pageText(text: string): string | undefined {
  if (!text.startsWith('<') || !BEGINS.test(text.slice(0, HEAD))) return undefined;
  return plain(HIDDEN.reduce(without, text.slice(0, LIMIT))) || pageTitle(text);
}

/** Returns the title of a web page; empty when it has none. */
export function pageTitle(text: string): string {
  const page = text.slice(0, LIMIT);
  const lower = page.toLowerCase();
  const start = Math.min(...openingsOf('title').map((opening) => indexOf(lower, opening, 0)));
  return plain(page.slice(start, indexOf(lower, '</title>', start)));
}

function openingsOf(name: string): readonly string[] {
  return [`<${name}>`, `<${name} `];
}

/** Removes elements; an unclosed one extends to the end. */
function without(text: string, name: string): string {
  const lower = text.toLowerCase();
  const closing = `</${name}>`;
  let rest = '';
  let at = 0;
  // Next occurrence of each opening tag. Searching only after it keeps this linear for thousands of tags.
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

/** Returns the index of the next occurrence, or the length of the text when there is none. */
function indexOf(text: string, wanted: string, from: number): number {
  const at = text.indexOf(wanted, from);
  return at < 0 ? text.length : at;
}

/** Strips tags and decodes entities; returns one line. */
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
