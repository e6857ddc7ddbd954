import { count } from '../base/count.ts';
import { DEPTH_LIMIT, isJsonTooDeep } from '../base/depth.ts';
import { AirgapError, combine } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import { quoted } from '../base/printable.ts';
import { type RenderedDocument, splitManifests } from '../helm/documents.ts';
import { readManifest } from '../helm/go-yaml.ts';
import { typeMetaOf } from '../helm/type-meta.ts';
import { type ManifestSource, readManifestFiles } from '../manifests/index.ts';
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
    for (const { path, text } of await readManifestFiles(source, context.emit)) {
      for (const document of splitManifests(text, path)) {
        const kind = typeMetaOf(document)?.kind;
        if (kind !== undefined && !isWanted(kind) && !kind.endsWith('List')) continue;
        const origin = { source: source.name, file: path, document: document.index };
        try {
          readDocument(document, origin, isWanted, objects);
        } catch (error) {
          if (!(error instanceof AirgapError)) throw error;
          errors.push(error);
        }
      }
    }
  }
  if (errors.length > 0) throw combine(errors, `${count(errors.length, 'document')} of the export cannot be read`);
  return objects;
}

/** Formats where an object is: `export/a.yaml, document 2, item 3`, counted from 1. */
export function describeOrigin({ source, file, document, item }: ObjectOrigin): string {
  const path = source.slice(source.indexOf(' ') + 1);
  const isFile = path === file || path.endsWith(`/${file}`);
  const parts = [isFile ? path : `${path}/${file}`, `document ${document + 1}`];
  return [...parts, ...(item === undefined ? [] : [`item ${item + 1}`])].join(', ');
}

/** Returns the error of an object that cannot be read. */
export function unreadable(origin: ObjectOrigin, what: string, hint: string): AirgapError {
  return new AirgapError('config', what, { subject: describeOrigin(origin), hint });
}

const EXPORT_HINT = 'export it again: oc get imagestreams,buildconfigs,builds -n NAMESPACE -o yaml';

function readDocument(
  document: RenderedDocument,
  origin: ObjectOrigin,
  isWanted: (kind: string) => boolean,
  objects: ExportedObject[],
): void {
  const items = splitList(document.text);
  if (items === undefined) {
    collect(parse(document.text, origin), origin, isWanted, objects);
    return;
  }
  for (const [item, text] of items.entries()) {
    const kind = typeMetaOf({ text })?.kind;
    if (kind !== undefined && !isWanted(kind)) continue;
    collect(parse(text, { ...origin, item }), { ...origin, item }, isWanted, objects);
  }
}

function parse(text: string, origin: ObjectOrigin): Mapping | undefined {
  const fail = (problem: string): AirgapError => unreadable(origin, problem, EXPORT_HINT);
  if (/^\ufeff?\s*\{/.test(text)) {
    if (isJsonTooDeep(text)) throw fail(`nests deeper than ${DEPTH_LIMIT} levels`);
    try {
      const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
      return isMapping(value) ? value : undefined;
    } catch {
      // A mapping of YAML may begin with a brace too.
    }
  }
  const { object, problem } = readManifest(text);
  if (problem !== undefined) throw fail(`is neither YAML nor JSON: ${problem}`);
  return object;
}

/** Adds the object, or those of a list. Objects without a kind are those of other tools, such as failures that crane lists. */
function collect(
  object: Mapping | undefined,
  origin: ObjectOrigin,
  isWanted: (kind: string) => boolean,
  objects: ExportedObject[],
  lists = 0,
): void {
  if (object === undefined) return;
  const { kind, apiVersion, items } = object;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') return;
  if (kind.endsWith('List') && Array.isArray(items)) {
    if (isMapping(object.metadata) && object.metadata.continue)
      throw unreadable(origin, 'is only a part of a list', 'export it with oc get, which reads all parts');
    if (lists >= MAX_LISTS) throw unreadable(origin, `has more than ${MAX_LISTS} levels of lists`, EXPORT_HINT);
    for (const [item, value] of items.entries()) {
      if (!isMapping(value)) continue;
      // The items of a typed list of the API have no kind.
      const typed = kind === 'List' ? value : { kind: kind.slice(0, -'List'.length), apiVersion, ...value };
      collect(typed, { ...origin, item: origin.item ?? item }, isWanted, objects, lists + 1);
    }
    return;
  }
  if (!isWanted(kind)) return;
  const { name, namespace } = isMapping(object.metadata) ? object.metadata : {};
  if (typeof name !== 'string' || name === '' || (namespace !== undefined && typeof namespace !== 'string'))
    throw unreadable(origin, `the ${quoted(kind)} has no valid metadata.name and metadata.namespace`, EXPORT_HINT);
  objects.push({
    kind,
    group: apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '',
    namespace: typeof namespace === 'string' ? namespace : '',
    name,
    object,
    origin,
  });
}
