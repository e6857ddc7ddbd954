import { collapseWhitespace } from '../base/printable.ts';

/** Hint for a web page in place of a response of a registry. */
export const WEB_PAGE_HINT =
  'a proxy, a firewall or a login portal may have sent the web page, or the host is not a registry: check the host and what is in front of it';

/** Maximum characters of a page to read: a page in place of a manifest can have 4 MiB. */
const MAX_PAGE_LENGTH = 64 * 1024;
/** Characters at the start of a document in which HTML is detected. */
const START_LENGTH = 1024;
/** Start of a web page, possibly after comments and an XML declaration. */
const HTML_START = /<(?:!doctype html|html|head|body)[\s>]/i;
/** Elements without visible text. */
const HIDDEN_ELEMENTS: readonly string[] = ['head', 'script', 'style'];

/** Returns the visible text of a web page, or its title if there is none; undefined for anything else. */
export function pageText(text: string): string | undefined {
  if (!text.startsWith('<') || !HTML_START.test(text.slice(0, START_LENGTH))) return undefined;
  return plainText(HIDDEN_ELEMENTS.reduce(removeElements, text.slice(0, MAX_PAGE_LENGTH))) || pageTitle(text);
}

/** Returns the title of a web page; empty when it has none. */
export function pageTitle(text: string): string {
  const page = text.slice(0, MAX_PAGE_LENGTH);
  const lower = page.toLowerCase();
  const start = Math.min(...openingTags('title').map((opening) => indexOrEnd(lower, opening, 0)));
  return plainText(page.slice(start, indexOrEnd(lower, '</title>', start)));
}

function openingTags(name: string): readonly string[] {
  return [`<${name}>`, `<${name} `];
}

/** Removes elements; an unclosed one extends to the end. */
function removeElements(text: string, name: string): string {
  const lower = text.toLowerCase();
  const closing = `</${name}>`;
  let remainingText = '';
  let index = 0;
  // Next occurrence of each opening tag. Searching only after it keeps this linear for thousands of tags.
  let next = openingTags(name).map((opening) => ({ opening, start: indexOrEnd(lower, opening, 0) }));
  for (;;) {
    const start = Math.min(...next.map((tag) => tag.start));
    remainingText += `${text.slice(index, start)} `;
    if (start === lower.length) return remainingText;
    const end = Math.min(lower.length, indexOrEnd(lower, closing, start) + closing.length);
    index = end;
    next = next.map((tag) => (tag.start < end ? { ...tag, start: indexOrEnd(lower, tag.opening, end) } : tag));
  }
}

/** Returns the index of the next occurrence, or the length of the text when there is none. */
function indexOrEnd(text: string, substring: string, from: number): number {
  const index = text.indexOf(substring, from);
  return index < 0 ? text.length : index;
}

/** Strips tags and decodes entities; returns one line. */
function plainText(text: string): string {
  const decoded = text
    .replace(/<[^<>]*>/g, ' ')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&');
  return collapseWhitespace(decoded);
}
