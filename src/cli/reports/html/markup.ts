import { printableLine } from '../../../base/printable.ts';

/**
 * HTML whose texts are escaped by construction: only the literals of a template are markup, and every value is text or other
 * `Html`. Lazy: lists may be generators, so that a page of any length is written piece by piece.
 */
export class Html implements Iterable<string> {
  readonly #literals: readonly string[];
  readonly #values: readonly HtmlValue[];

  /** Use {@link html}. */
  constructor(literals: readonly string[], values: readonly HtmlValue[]) {
    this.#literals = literals;
    this.#values = values;
  }

  *[Symbol.iterator](): Generator<string> {
    for (const [i, literal] of this.#literals.entries()) {
      yield literal;
      const value = this.#values[i];
      if (value !== undefined) yield* pieces(value);
    }
  }
}

/** Texts and numbers are escaped; nothing is written for `undefined` and `false`. */
export type HtmlValue = string | number | Html | Iterable<Html> | undefined | false;

/**
 * Creates HTML from a template. Values may be in texts and in double-quoted attributes of {@link ATTRIBUTES}; anywhere else,
 * such as in `<script>`, an unquoted attribute or an address, escaping would not be enough.
 * @throws TypeError for a value anywhere else, which is a bug
 */
export function html(literals: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  checkHoles(literals);
  return new Html(literals, values);
}

/** Returns style and script, which are constants of this program, as the content of their elements. */
export function constantElement(name: 'style' | 'script', content: string): Html {
  if (/<\/|<!--/.test(content)) throw new TypeError(`the ${name} would end early`);
  return new Html([`<${name}>${content}</${name}>`], []);
}

function* pieces(value: Exclude<HtmlValue, undefined>): Generator<string> {
  if (value === false) return;
  if (typeof value === 'string' || typeof value === 'number') yield escaped(String(value));
  else if (value instanceof Html) yield* value;
  else for (const part of value) yield* part;
}

/** Longest text of a bundle in a page. Names are far shorter. */
const TEXT_LIMIT = 4096;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes markup, control characters and characters that disguise text, and cuts what is too long for a name. */
function escaped(text: string): string {
  const shown = text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
  return printableLine(shown.toWellFormed()).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** Attributes that may have values: none is an address, a style or a handler. `href` may only begin with a literal `#`. */
const ATTRIBUTES: ReadonlySet<string> = new Set([
  ...['id', 'class', 'title', 'lang', 'scope', 'colspan', 'datetime', 'content', 'value', 'max', 'width', 'x', 'for'],
  ...['aria-label', 'aria-labelledby', 'data-search', 'data-state'],
]);

const checked = new WeakSet<TemplateStringsArray>();

/** Checks where the values of a template are; once for each template of the source. */
function checkHoles(literals: TemplateStringsArray): void {
  if (checked.has(literals)) return;
  // Their content is no text: see `constantElement`.
  if (literals.some((literal) => /<(?:script|style)/i.test(literal)))
    throw new TypeError('no value may be in a script or style');
  let open = '';
  for (const literal of literals.slice(0, -1)) {
    open = openTag(open + literal);
    if (open !== '' && !isAttributeValue(open)) throw new TypeError(`no value may follow ${JSON.stringify(open)}`);
    // A value stands for itself: it cannot end the attribute.
    if (open !== '') open += 'x';
  }
  checked.add(literals);
}

/** Returns the tag that a markup ends in; empty if it ends in a text. */
function openTag(markup: string): string {
  const start = markup.lastIndexOf('<');
  if (start < 0) return '';
  const tag = markup.slice(start);
  return tag.replace(/"[^"]*"/g, '').includes('>') ? '' : tag;
}

function isAttributeValue(tag: string): boolean {
  const [, name = '', value = ''] = /\s([a-z-]+)="([^"]*)$/.exec(tag) ?? [];
  return ATTRIBUTES.has(name) || (name === 'href' && value.startsWith('#'));
}
