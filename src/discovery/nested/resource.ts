import { asMapping, isMapping, type Mapping } from '../../base/mapping.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { readManifest } from '../../helm/go-yaml.ts';
import type { Declaration } from './chart.ts';

/** One object of a render, and its position. */
export interface Resource {
  readonly object: Mapping;
  /** API group without the version; empty for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Empty for the namespace of the release. */
  readonly namespace: string;
  readonly document: RenderedDocument;
  /** Path of the object inside the document; empty unless it is an item of a List. */
  readonly root: string;
}

/** Returns the objects of a document; the items of a List one by one. */
export function resourcesOf(document: RenderedDocument): Resource[] {
  const { object } = document;
  return object === undefined ? [] : unfoldList(object, document, '');
}

function unfoldList(object: Mapping, document: RenderedDocument, root: string): Resource[] {
  const kind = scalarString(object.kind);
  if (kind.endsWith('List') && Array.isArray(object.items)) {
    // Items of a typed list need no kind of their own.
    const itemType = { kind: kind.slice(0, -'List'.length), apiVersion: object.apiVersion };
    return object.items.flatMap((item: unknown, i) =>
      isMapping(item) ? unfoldList({ ...itemType, ...item }, document, `${root}items[${i}].`) : [],
    );
  }
  const { name, namespace } = asMapping(object.metadata);
  const [group = '', version] = scalarString(object.apiVersion).split('/');
  return [
    {
      object,
      group: version === undefined ? '' : group,
      kind,
      name: scalarString(name),
      namespace: scalarString(namespace),
      document,
      root,
    },
  ];
}

/** Returns the location of a field of a resource. */
export function declarationAt({ document, kind, name, root }: Resource, path: string): Declaration {
  return { template: document.template, document: document.index, kind, name, path: `${root}${path}` };
}

/** Finds a resource by kind and name. The namespace is compared if both have one. */
export function findResource(
  resources: readonly Resource[],
  kind: string,
  name: string,
  namespace: string,
): Resource | undefined {
  return resources.find(
    (resource) =>
      resource.kind === kind &&
      resource.name === name &&
      (namespace === '' || resource.namespace === '' || resource.namespace === namespace),
  );
}

/** Returns one entry of a ConfigMap or Secret as text; undefined if it is missing. */
export function dataEntry({ object, kind }: Resource, key: string): string | undefined {
  const plain = asMapping(kind === 'Secret' ? object.stringData : object.data)[key];
  if (typeof plain === 'string') return plain;
  const encoded = asMapping(kind === 'Secret' ? object.data : object.binaryData)[key];
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('utf8') : undefined;
}

/** Parses values as Helm does; undefined if the text is not a mapping. */
export function parseValues(text: string): Mapping | undefined {
  return readManifest(text).object;
}

/** Returns a string or number as text; empty for anything else. YAML parses a version such as 1.20 as a number. */
export function scalarString(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** Returns the value if it is a list, else an empty one. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
