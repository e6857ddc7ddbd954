import { DEPTH_LIMIT } from '../base/depth.ts';
import { childPath, type FieldPath, parseFieldPath } from '../base/field-path.ts';
import { asMapping, isMapping, type Mapping } from '../base/mapping.ts';
import { type RenderedDocument, splitDocuments } from '../helm/documents.ts';
import { kindOf } from '../helm/type-meta.ts';
import type { Match } from './match.ts';

/** Defaults in the schemas of custom resources: the API server adds them, and operators run the images that they name. */

/** A default that may be a reference; most definitions have none. */
const DEFAULT = /\bdefault["']?:[ \t]*["']?[\w.-]+[/:][\w./:@-]*[/:@]?\w/;

/** Reports whether a document is a definition with a default that may be the name of an image. */
export function mayHaveDefaultImages(document: RenderedDocument): boolean {
  const { text } = document;
  return DEFAULT.test(text) && /image/i.test(text) && kindOf(document) === 'CustomResourceDefinition';
}

/** Returns the definitions with such defaults in the files of a chart's `crds` folders. @param files texts by path */
export function crdDocuments(chart: string, files: ReadonlyMap<string, string>): RenderedDocument[] {
  return [...files]
    .filter(([, text]) => DEFAULT.test(text))
    .flatMap(([path, text]) => splitDocuments(`---\n# Source: ${chart}/${path}\n${text}`))
    .filter(mayHaveDefaultImages);
}

/**
 * Returns the images among the defaults of a definition, at their fields in the schema.
 * @param search returns the references in an object of the defaults
 */
export function defaultImages(definition: Mapping, search: (defaults: Mapping) => readonly Match[]): Match[] {
  const versions = asMapping(definition.spec).versions;
  return (Array.isArray(versions) ? versions : []).flatMap((version: unknown, i) => {
    const schema = asMapping(asMapping(version).schema).openAPIV3Schema;
    const defaults = defaultsOf(schema, 0);
    if (!isMapping(defaults)) return [];
    const root = { path: `spec.versions[${i}].schema.openAPIV3Schema` };
    return search(defaults).map((match): Match => {
      const isComplete =
        /[:@]/.test(match.written.slice(match.written.indexOf('/') + 1)) && match.written.includes('/');
      return {
        ...match,
        how: 'custom-resource',
        confidence: isComplete ? 'likely' : 'possible',
        fieldPath: schemaPath(root, match.fieldPath.path),
        ...(match.parts && {
          parts: match.parts.map((part) => ({ ...part, path: schemaPath(root, part.path).path })),
        }),
      };
    });
  });
}

/** Returns the tree of a schema's defaults; undefined if it has none. */
function defaultsOf(schema: unknown, depth: number): unknown {
  if (!isMapping(schema) || depth > DEPTH_LIMIT) return undefined;
  if (schema.default !== undefined) return schema.default;
  if (schema.items !== undefined) {
    const item = defaultsOf(schema.items, depth + 1);
    return item === undefined ? undefined : [item];
  }
  const entries = Object.entries(asMapping(schema.properties)).flatMap(([key, property]) => {
    const value = defaultsOf(property, depth + 1);
    return value === undefined ? [] : [[key, value] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Returns the field of a default in the schema. The steps within a default that is a mapping itself are not told apart. */
function schemaPath(root: FieldPath, path: string): FieldPath {
  const field = parseFieldPath(path).reduce<FieldPath>(
    (at, key) => (typeof key === 'number' ? childPath(at, 'items') : childPath(childPath(at, 'properties'), key)),
    root,
  );
  return childPath(field, 'default');
}
