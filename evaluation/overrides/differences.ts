import { type RenderedDocument, splitDocuments } from '../../src/helm/documents.ts';
import { formatReference, tryParseReference } from '../../src/oci/reference.ts';
import { escapeRegExp } from '../../test/support/escape-reg-exp.ts';

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

/**
 * Reason for a difference of a field. `reference`: only public names were replaced, by exactly their private names;
 * `redirect`: an added argument or variable that configures an operator's images; `sum`: a checksum of changed content;
 * `switch`: a value that the overrides switch on, in a copy of the values; `other`: a fault.
 */
export type Reason = 'reference' | 'redirect' | 'sum' | 'switch' | 'other';

export interface Expected {
  /** Registry with prefix. */
  readonly target: string;
  /** Keys of values that the overrides switch on. */
  readonly switches: readonly string[];
  /** Full names of images that an operator chooses at run time. */
  readonly operands: readonly string[];
}

/** Explains a difference between a render without and one with overrides. */
export function reasonOf({ path, before, after }: Difference, { target, switches, operands }: Expected): Reason {
  if (after === undefined) return 'other';
  if (before === undefined) return isRedirect(after, target, operands) ? 'redirect' : 'other';
  if (isMoved(before, after, target)) return 'reference';
  if (isSum(before, after, path)) return 'sum';
  const [was, is] = [decoded(before), decoded(after)];
  if (was !== undefined && is !== undefined && isMoved(was, is, target)) return 'reference';
  const [plain, switched] = [was ?? before, is ?? after].map((text) => withoutSwitches(text, switches)) as [
    string,
    string,
  ];
  return switches.length > 0 && isMoved(plain, switched, target) ? 'switch' : 'other';
}

/** Pattern for a reference: no characters that separate words in YAML, JSON, argument lists and settings. */
const WORD = '[^\\s"\',;=]*?';

/**
 * Returns whether `after` is `before` with public names replaced by exactly their private names. A field may have only the
 * registry or the repository of a reference.
 */
function isMoved(before: string, after: string, target: string): boolean {
  const names = after.match(privateNames(target)) ?? [];
  if (names.length === 0) return false;
  const around = after.split(privateNames(target)).map(escapeRegExp);
  const words = new RegExp(`^${around.join(`(${WORD})`)}$`).exec(before)?.slice(1);
  return words?.every((word, i) => isSame(word, (names[i] ?? '').slice(target.length + 1))) ?? false;
}

function privateNames(target: string): RegExp {
  return new RegExp(`${escapeRegExp(target)}(?:/[\\w.-]+)*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?`, 'g');
}

function isRedirect(added: string, target: string, operands: readonly string[]): boolean {
  const names = (added.match(privateNames(target)) ?? []).map((name) => name.slice(target.length + 1));
  return names.length > 0 && names.every((name) => operands.some((operand) => isSame(operand, name)));
}

/** Returns whether a private name, without the target, is that of a public name. A port's colon becomes a dash. */
function isSame(text: string, privateName: string): boolean {
  // An empty registry field means Docker Hub.
  if (text === '') return privateName === 'docker.io' || privateName === '';
  const name = text.replace(/^([\w.-]+):(\d+)(?=\/)|^([\w-]+\.[\w.-]+):(\d+)$/, '$1$3-$2$4');
  if (name === privateName) return true;
  const parsed = tryParseReference(name);
  const expected = parsed === undefined ? '' : formatReference(parsed);
  // A tag that is implied, or in another field, may be missing in the private name too.
  return privateName === expected || (privateName === expected.replace(/:latest$/, '') && !name.endsWith(':latest'));
}

function isSum(before: string, after: string, path: string): boolean {
  const isHex = [before, after].every((text) => /^[0-9a-f]{32,}$/.test(text));
  return before.length === after.length && (isHex || (/checksum|sha256sum/.test(path) && /^[\w+/=-]+$/.test(after)));
}

/** Decodes base64 text within a text; undefined if there is none. */
function decoded(text: string): string | undefined {
  const plain = text.replaceAll(/[A-Za-z0-9+/]{16,}={0,2}/g, (blob) => {
    const inside = Buffer.from(blob, 'base64').toString('utf8');
    return /[^\P{C}\n\t]|\ufffd/u.test(inside) ? blob : `\n${inside}\n`;
  });
  return plain === text ? undefined : plain;
}

/** Removes settings of these keys. */
function withoutSwitches(text: string, keys: readonly string[]): string {
  return keys.reduce(
    (rest, key) => rest.replaceAll(new RegExp(`"?${escapeRegExp(key)}"?:\\s*(?:true|false),?`, 'g'), ''),
    text,
  );
}
