import { count, firstOf } from '../base/count.ts';
import { DEPTH_LIMIT, isJsonTooDeep } from '../base/depth.ts';
import { AirgapError, combine } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { expectImages } from '../base/large-runs.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import { printableLine, quoted } from '../base/printable.ts';
import { type RenderedDocument, splitManifests } from '../helm/documents.ts';
import { readManifest } from '../helm/go-yaml.ts';
import { apiGroup, typeMetaOf } from '../helm/type-meta.ts';
import { hasText, type ManifestSource, readManifestFiles, secondDocument } from '../manifests/index.ts';
import { splitList } from './split-list.ts';

/** Where an object of an export is. */
export interface ObjectOrigin {
  /** Name of the source (manifests/source.ts), such as `image-streams export`. */
  readonly source: string;
  /** Path in the folder with `/`; the name of the only file, `-` for standard input. */
  readonly file: string;
  /** Index of the document in the file, from 0. */
  readonly document: number;
  /** Index in the list that the document is, from 0; absent for an object by itself. */
  readonly item?: number;
}

/** A file or folder of exported objects. */
export type ExportSource = ManifestSource<'image-streams'>;

/** An object of a cluster in an export. */
export interface ExportedObject {
  readonly kind: string;
  /** Group of the API, empty for the core group and for the first API of OpenShift 3 (`v1`). */
  readonly group: string;
  /** Empty for an object without a namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly object: Mapping;
  readonly origin: ObjectOrigin;
}

/** Maximum number of names in a warning. */
const MAX_NAMES = 3;

/** Maximum levels of lists in lists. */
const MAX_LISTS = 5;

/**
 * Reads objects of an export: files and folders of YAML and JSON, documents and lists, as `oc get -o yaml`, `oc get -o json`
 * and `crane export` write them. Documents of other kinds are not parsed if their kind is certain without it.
 * @param isWanted selects by kind; lists are always read
 * @throws AirgapError `config` for each document that cannot be read; `usage`, `file` if a source cannot be read
 */
export async function readExport(
  context: { readonly emit: Emit },
  sources: readonly ExportSource[],
  isWanted: (kind: string) => boolean,
): Promise<ExportedObject[]> {
  const errors: AirgapError[] = [];
  const objects: ExportedObject[] = [];
  for (const source of sources) {
    const others = new Set<string>();
    const files = await readManifestFiles(source, context.emit);
    expectImages(files.reduce((sum, { text }) => sum + imagesIn(text), 0));
    for (const { path, text } of files) {
      for (const document of splitManifests(text, path)) {
        const kind = typeMetaOf(document)?.kind;
        if (kind !== undefined && !isWanted(kind) && !kind.endsWith('List')) continue;
        const origin = { source: source.name, file: path, document: document.index };
        try {
          if (!readDocument(document, origin, isWanted, objects)) others.add(path);
        } catch (error) {
          if (!(error instanceof AirgapError)) throw error;
          errors.push(error);
        }
      }
    }
    if (others.size > 0) {
      const files = firstOf([...others], MAX_NAMES);
      context.emit({ type: 'warning', message: `${source.name}: no objects, without apiVersion and kind: ${files}` });
    }
  }
  if (errors.length > 0) throw combine(errors, `${count(errors.length, 'document')} of the export cannot be read`);
  return objects;
}

/** Counts the images that a text may have, without parsing it. */
function imagesIn(text: string): number {
  let images = 0;
  for (let at = text.indexOf(IMAGE_FIELD); at >= 0; at = text.indexOf(IMAGE_FIELD, at + 1)) images += 1;
  return images;
}

/** Field that each image of a tag has. */
const IMAGE_FIELD = 'dockerImageReference';

/** Formats where an object is: `export/a.yaml, document 2, item 3`, counted from 1. */
export function describeOrigin({ source, file, document, item }: ObjectOrigin): string {
  const path = source.slice(source.indexOf(' ') + 1);
  const isFile = path === file || path.endsWith(`/${file}`);
  const parts = [isFile ? path : printableLine(`${path}/${file}`), `document ${document + 1}`];
  return [...parts, ...(item === undefined ? [] : [`item ${item + 1}`])].join(', ');
}

/** Returns the error of an object that cannot be read. */
export function unreadable(origin: ObjectOrigin, what: string, hint: string): AirgapError {
  return new AirgapError('config', what, { subject: describeOrigin(origin), hint });
}

const EXPORT_HINT = 'export it again: oc get imagestreams,buildconfigs,builds -n NAMESPACE -o yaml';

/** Reads a document. @returns false if it is no object, such as one of the failures that crane lists */
function readDocument(
  document: RenderedDocument,
  origin: ObjectOrigin,
  isWanted: (kind: string) => boolean,
  objects: ExportedObject[],
): boolean {
  const second = secondDocument(document.text);
  if (second !== undefined) throw unreadable(origin, `is not YAML: ${second.problem}`, EXPORT_HINT);
  const items = splitList(document.text);
  if (items === undefined) {
    const object = parse(document.text, origin);
    return object === undefined ? !hasText(document.text) : collect(object, origin, isWanted, objects);
  }
  let isComplete = true;
  let item = 0;
  for (const text of items) {
    const own = { ...origin, item: item++ };
    const kind = typeMetaOf({ text })?.kind;
    if (kind !== undefined && !isWanted(kind)) continue;
    const object = parse(text, own);
    if (object === undefined || !collect(object, own, isWanted, objects)) isComplete = false;
  }
  return isComplete;
}

function parse(text: string, origin: ObjectOrigin): Mapping | undefined {
  const fail = (problem: string): AirgapError => unreadable(origin, problem, EXPORT_HINT);
  if (/^\ufeff?\s*[{[]/.test(text)) {
    if (isJsonTooDeep(text)) throw fail(`nests deeper than ${DEPTH_LIMIT} levels`);
    try {
      const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
      // `jq .items` leaves the items of a list.
      if (Array.isArray(value) && value.length > 0) return { apiVersion: 'v1', kind: 'List', items: value };
      return isMapping(value) ? value : undefined;
    } catch {
      // A mapping of YAML may begin with a brace too.
    }
  }
  const { object, problem } = readManifest(text);
  if (problem !== undefined) throw fail(`is neither YAML nor JSON: ${problem}`);
  return object;
}

/** Kinds that others have too: a kubeconfig and airgap.yaml are a Config, and have no name. */
const FOREIGN_KINDS: ReadonlySet<string> = new Set(['Config', 'Image', 'Service', 'Route']);

/** Adds the object, or those of a list. @returns false for a mapping that is no object */
function collect(
  object: Mapping,
  origin: ObjectOrigin,
  isWanted: (kind: string) => boolean,
  objects: ExportedObject[],
  lists = 0,
): boolean {
  const { kind, apiVersion, items } = object;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') return false;
  if (kind.endsWith('List') && Array.isArray(items)) {
    if (isMapping(object.metadata) && object.metadata.continue)
      throw unreadable(origin, 'is only a part of a list', 'export it with oc get, which reads all parts');
    if (lists >= MAX_LISTS) throw unreadable(origin, `has more than ${MAX_LISTS} levels of lists`, EXPORT_HINT);
    const read = items.map((value: unknown, item) => {
      // The items of a typed list of the API have no kind.
      const typed = kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length), apiVersion };
      const own = { ...origin, item: origin.item ?? item };
      return isMapping(value) && collect({ ...typed, ...value }, own, isWanted, objects, lists + 1);
    });
    return !read.includes(false);
  }
  if (!isWanted(kind)) return true;
  const { name, namespace } = isMapping(object.metadata) ? object.metadata : {};
  if (typeof name !== 'string' || name === '' || (namespace !== undefined && typeof namespace !== 'string')) {
    if (FOREIGN_KINDS.has(kind)) return true;
    throw unreadable(origin, `the ${quoted(kind)} has no valid metadata.name and metadata.namespace`, EXPORT_HINT);
  }
  objects.push({
    kind,
    group: apiGroup(apiVersion),
    namespace: typeof namespace === 'string' ? namespace : '',
    name,
    object,
    origin,
  });
  return true;
}
