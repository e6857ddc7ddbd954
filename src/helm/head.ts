/** Kind and API version of a manifest. */
export interface Head {
  readonly kind: string;
  readonly apiVersion: string;
}

/** The first line that says something. */
const FIRST = /^(?![ \t]*(?:#|$)).*$/m;
const KEY = /^[A-Za-z][\w-]*:(?= |$)/;
/** A line without indentation that is neither a plain key, an item, a comment nor empty: quotes, brackets, anchors, merges. */
const UNUSUAL = /^(?![A-Za-z][\w-]*:(?: |$)|-(?: |$)|[ #]|$)/m;
const FIELDS = /^(kind|apiVersion):(.*)$/gm;
const PLAIN = /^ +(["']?)([\w./-]+)\1 *(?: #.*)?$/;

const known = new WeakMap<object, Head | undefined>();

/**
 * Kind and API version of a manifest without parsing it, which is nearly all of the cost: most of a large chart are
 * definitions and dashboards. Undefined whenever the text could be read in another way, so that it has to be parsed:
 * where a mapping begins in the first column and each line there is a plain key, the fields are among these lines.
 */
export function headOf(document: { readonly text: string }): Head | undefined {
  if (!known.has(document)) known.set(document, read(document.text.replaceAll('\r\n', '\n')));
  return known.get(document);
}

/** The kind of a manifest, parsed only where it does not show. */
export function kindOf(document: {
  readonly text: string;
  readonly object: Readonly<Record<string, unknown>> | undefined;
}): string {
  return headOf(document)?.kind ?? String(document.object?.kind ?? '');
}

function read(text: string): Head | undefined {
  if (/[\r\u0085\u2028\u2029]/.test(text)) return undefined;
  const first = FIRST.exec(text)?.[0];
  // Comments and nothing else: licences of templates that render nothing.
  if (first === undefined) return { kind: '', apiVersion: '' };
  if (!KEY.test(first) || UNUSUAL.test(text)) return undefined;
  const fields = new Map<string, string>();
  for (const [, name = '', rest = ''] of text.matchAll(FIELDS)) {
    const value = PLAIN.exec(rest)?.[2];
    if (value === undefined || (fields.get(name) ?? value) !== value) return undefined;
    fields.set(name, value);
  }
  const [kind, apiVersion] = [fields.get('kind'), fields.get('apiVersion')];
  return kind === undefined || apiVersion === undefined ? undefined : { kind, apiVersion };
}
