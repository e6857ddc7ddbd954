import { type RenderedDocument, splitDocuments } from '../src/helm/documents.ts';

/** A field that differs between two renders; undefined where it is missing. */
export interface Difference {
  /** Template file as Helm prints it. */
  readonly template: string;
  /** Index of the document in it. */
  readonly document: number;
  /** Path from the document's root, as JSON; '' for a document that is no mapping. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Returns all fields in which two outputs of `helm template` differ. Documents are matched by template and position. */
export function differences(before: string, after: string): Difference[] {
  const [was, is] = [before, after].map((text) => byPosition(splitDocuments(text))) as [Documents, Documents];
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => {
    const [a, b] = [was.get(key), is.get(key)];
    if (a?.text === b?.text) return [];
    const { template, index: document } = (a ?? b) as RenderedDocument;
    const added: Difference[] = [];
    const same = alignLists(a?.object, b?.object, (item) => {
      added.push({ template, document, path: '', before: undefined, after: JSON.stringify(item) });
    });
    const [old, now] = [fieldsOf(a), fieldsOf(b, same)];
    const changed = [...new Set([...old.keys(), ...now.keys()])]
      .filter((path) => old.get(path) !== now.get(path))
      .map((path) => ({ template, document, path, before: old.get(path), after: now.get(path) }));
    return [...changed, ...added];
  });
}

/** Identifies a field, without its values. */
export function fieldOf({ template, document, path }: Difference): string {
  return `${template}#${document} ${path}`;
}

type Documents = ReadonlyMap<string, RenderedDocument>;

function byPosition(documents: readonly RenderedDocument[]): Documents {
  return new Map(documents.map((document) => [`${document.template}\n${document.index}`, document]));
}

/**
 * Returns the second of two trees without items that were added to its lists, so that an inserted argument or variable does
 * not shift the items after it.
 */
function alignLists(was: unknown, is: unknown, take: (item: unknown) => void): unknown {
  if (Array.isArray(was) && Array.isArray(is)) {
    let more = is.length - was.length;
    const kept: unknown[] = [];
    for (const item of is) {
      const other = was[kept.length];
      if (more > 0 && (kept.length >= was.length || labelOf(item) !== labelOf(other))) {
        more -= 1;
        take(item);
      } else kept.push(alignLists(other, item, take));
    }
    return kept;
  }
  if (typeof was !== 'object' || typeof is !== 'object' || was === null || is === null) return is;
  return Object.fromEntries(
    Object.entries(is).map(([key, item]) => [key, alignLists((was as Record<string, unknown>)[key], item, take)]),
  );
}

/** Identity of an item of a list: its name, or an argument's flag. */
function labelOf(item: unknown): string {
  if (typeof item === 'string') return item.replace(/=.*$/s, '');
  const { name } = (item ?? {}) as { name?: unknown };
  return JSON.stringify(name ?? item);
}

/** Returns scalars, empty maps and empty lists by path. */
function fieldsOf(document: RenderedDocument | undefined, object: unknown = document?.object): Map<string, string> {
  const fields = new Map<string, string>();
  const walk = (value: unknown, path: readonly (string | number)[]): void => {
    const entries: [string | number, unknown][] = Array.isArray(value)
      ? [...value.entries()]
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
        : [];
    if (entries.length === 0)
      fields.set(JSON.stringify(path), typeof value === 'string' ? value : JSON.stringify(value));
    for (const [key, item] of entries) walk(item, [...path, key]);
  };
  if (object !== undefined) walk(object, []);
  else if (document !== undefined) fields.set('', document.text);
  return fields;
}
