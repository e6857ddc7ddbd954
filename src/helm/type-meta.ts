/** Kind and API version of a manifest. */
export interface TypeMeta {
  readonly kind: string;
  readonly apiVersion: string;
}

/** Returns the group of an API version; empty for the core group (`v1`). */
export function apiGroup(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(apiVersion.indexOf('/'), 0));
}

/** First line that is not empty or a comment. */
const FIRST_LINE = /^(?![ \t]*(?:#|$)).*$/m;
const KEY = /^[A-Za-z][\w-]*:(?= |$)/;
/** Unindented line other than a plain key, list item, comment or empty line: quotes, brackets, anchors, merges. */
const UNUSUAL = /^(?![A-Za-z][\w-]*:(?: |$)|-(?: |$)|[ #]|$)/m;
const FIELDS = /^(kind|apiVersion):(.*)$/gm;
const PLAIN = /^ +(["']?)([\w./-]+)\1 *(?: #.*)?$/;

const cache = new WeakMap<object, TypeMeta | undefined>();

/**
 * Returns kind and API version of a manifest without parsing it. Most manifests of large charts are CRDs and dashboards
 * that need no parsing. Undefined if the text is ambiguous and has to be parsed: the fields are only certain if all
 * unindented lines are plain keys.
 */
export function typeMetaOf(document: { readonly text: string }): TypeMeta | undefined {
  if (!cache.has(document)) cache.set(document, scanTypeMeta(document.text.replaceAll('\r\n', '\n')));
  return cache.get(document);
}

/** Returns the kind of a manifest; parses it only if necessary. */
export function kindOf(document: {
  readonly text: string;
  readonly object: Readonly<Record<string, unknown>> | undefined;
}): string {
  return typeMetaOf(document)?.kind ?? String(document.object?.kind ?? '');
}

function scanTypeMeta(text: string): TypeMeta | undefined {
  if (/[\r\u0085\u2028\u2029]/.test(text)) return undefined;
  const firstLine = FIRST_LINE.exec(text)?.[0];
  // Only comments, such as licenses of templates that render nothing.
  if (firstLine === undefined) return { kind: '', apiVersion: '' };
  if (!KEY.test(firstLine) || UNUSUAL.test(text)) return undefined;
  const fields = new Map<string, string>();
  for (const [, name = '', fieldText = ''] of text.matchAll(FIELDS)) {
    const value = PLAIN.exec(fieldText)?.[2];
    if (value === undefined || (fields.get(name) ?? value) !== value) return undefined;
    fields.set(name, value);
  }
  const [kind, apiVersion] = [fields.get('kind'), fields.get('apiVersion')];
  return kind === undefined || apiVersion === undefined ? undefined : { kind, apiVersion };
}
