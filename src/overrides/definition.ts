import { readYamlValues } from '../base/yaml-read.ts';
import { blockOf, itemsOf, textOf } from '../helm/yaml-block.ts';
import type { LeafPath } from '../influence/leaves.ts';
import { type Schema, schemaOf } from './structural.ts';

/** One version of a custom resource definition. */
export interface Definition {
  /** Returns the schema of a field; `any` if every value is allowed, undefined if the field is not defined. */
  readonly schemaAt: (path: LeafPath) => Schema | 'any' | undefined;
}

/** Returns the CRD manifests in chart files; a file may hold several. */
export function definitionTexts(files: readonly string[]): string[] {
  return files
    .flatMap((text) => text.split(/^---.*$/m))
    .filter((text) => text.includes('CustomResourceDefinition'))
    .map((text) => text.replaceAll('\r\n', '\n'));
}

/**
 * Finds a version of a CRD; undefined if no manifest defines it with a schema. A CRD can be 1 MB, so fields are located
 * by indentation first, and the manifest is parsed only if that fails.
 * @param apiVersion group and version, `monitoring.coreos.com/v1`
 */
export function definitionFor(texts: readonly string[], apiVersion: string, kind: string): Definition | undefined {
  const [group = '', version = ''] = apiVersion.split('/');
  for (const text of texts) {
    if (!text.includes(kind) || !text.includes(group)) continue;
    const block = schemaBlock(text, group, kind, version);
    if (block === 'another') continue;
    let whole: { readonly root: Schema | undefined } | undefined;
    const root = (): Schema | undefined => {
      whole ??= { root: parsed(text, group, kind, version) };
      return whole.root;
    };
    if (block === undefined && root() === undefined) continue;
    return {
      schemaAt: (path) => (block === undefined ? undefined : fieldBlock(block, path)) ?? walk(root() ?? {}, path),
    };
  }
  return undefined;
}

/**
 * Returns the lines of a version's schema; `another` for a CRD of another kind, undefined if indentation does not show
 * it.
 */
function schemaBlock(text: string, group: string, kind: string, version: string): string | 'another' | undefined {
  const spec = blockOf(text, 'spec');
  const names = spec && blockOf(spec, 'names');
  const [ownGroup, ownKind] = [spec && textOf(spec, 'group'), names && textOf(names, 'kind')];
  if (ownGroup === undefined || ownKind === undefined) return undefined;
  if (ownGroup !== group || ownKind !== kind) return 'another';
  const versions = itemsOf(blockOf(spec ?? '', 'versions') ?? '');
  const own = versions.find((item) => textOf(item, 'name') === version);
  const schema = own && blockOf(own, 'schema');
  return schema && blockOf(schema, 'openAPIV3Schema');
}

/** Returns the schema of a field from the lines of the version's schema. */
function fieldBlock(block: string, path: LeafPath): Schema | undefined {
  let at: string | undefined = block;
  for (const key of path) {
    if (at === undefined) return undefined;
    const properties: string | undefined = typeof key === 'number' ? at : blockOf(at, 'properties');
    at = properties && blockOf(properties, typeof key === 'number' ? 'items' : key);
  }
  return at === undefined ? undefined : asSchema(read(at));
}

function parsed(text: string, group: string, kind: string, version: string): Schema | undefined {
  const spec = asSchema(asSchema(read(text))?.spec);
  if (spec?.group !== group || asSchema(spec.names)?.kind !== kind || !Array.isArray(spec.versions)) return undefined;
  const own = spec.versions.map(asSchema).find((one) => one?.name === version);
  return asSchema(asSchema(own?.schema)?.openAPIV3Schema);
}

function walk(root: Schema, path: LeafPath): Schema | 'any' | undefined {
  let at: Schema | 'any' | undefined = root;
  for (const key of path) if (at !== undefined && at !== 'any') at = schemaOf(at, key);
  return at;
}

function read(text: string): unknown {
  return readYamlValues(text)?.[0];
}

function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}
