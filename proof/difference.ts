import { type RenderedDocument, splitDocuments } from '../src/helm/documents.ts';

/** One field that two renders have differently; undefined where it is not there at all. */
export interface Difference {
  /** Template file as Helm prints it. */
  readonly template: string;
  /** Which of its documents. */
  readonly document: number;
  /** Keys and positions from the document's root, as JSON; '' for a document that is no mapping. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Every field in which two outputs of `helm template` differ. Documents are told apart by template and position. */
export function differences(before: string, after: string): Difference[] {
  const [was, is] = [before, after].map((text) => byPosition(splitDocuments(text))) as [Documents, Documents];
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => {
    const [a, b] = [was.get(key), is.get(key)];
    if (a?.text === b?.text) return [];
    const { template, index: document } = (a ?? b) as RenderedDocument;
    const [old, now] = [fieldsOf(a), fieldsOf(b)];
    return [...new Set([...old.keys(), ...now.keys()])]
      .filter((path) => old.get(path) !== now.get(path))
      .map((path) => ({ template, document, path, before: old.get(path), after: now.get(path) }));
  });
}

/** Which field it is, whatever stands there. */
export function fieldOf({ template, document, path }: Difference): string {
  return `${template}#${document} ${path}`;
}

type Documents = ReadonlyMap<string, RenderedDocument>;

function byPosition(documents: readonly RenderedDocument[]): Documents {
  return new Map(documents.map((document) => [`${document.template}\n${document.index}`, document]));
}

/** Scalars by path; empty maps and lists too, since they are something other than nothing. */
function fieldsOf(document: RenderedDocument | undefined): Map<string, string> {
  const fields = new Map<string, string>();
  const walk = (value: unknown, path: readonly (string | number)[]): void => {
    const entries: [string | number, unknown][] = Array.isArray(value)
      ? [...value.entries()]
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
        : [];
    if (entries.length === 0) fields.set(JSON.stringify(path), typeof value === 'string' ? value : JSON.stringify(value));
    for (const [key, item] of entries) walk(item, [...path, key]);
  };
  if (document?.object !== undefined) walk(document.object, []);
  else if (document !== undefined) fields.set('', document.text);
  return fields;
}
