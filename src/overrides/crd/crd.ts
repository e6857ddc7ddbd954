import { readManifest } from '../../helm/go-yaml.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import { asSchema, childSchema, type StructuralSchema } from './structural-schema.ts';

/** One version of a custom resource definition. */
export interface CrdVersion {
  /** Returns the schema of a field; `any` if every value is allowed, undefined if the field is not defined. */
  readonly schemaAt: (path: LeafPath) => StructuralSchema | 'any' | undefined;
}

/** Returns the CRD manifests in chart files; a file may hold several. */
export function crdManifests(files: readonly string[]): string[] {
  return files
    .flatMap((text) => text.split(/^---.*$/m))
    .filter((text) => text.includes('CustomResourceDefinition'))
    .map((text) => text.replaceAll('\r\n', '\n'));
}

/**
 * Finds a version of a CRD; undefined if no manifest defines it with a schema, `unread` if one that cannot be read may. A CRD can be 1 MB,
 * so fields are located by indentation first, and the manifest is parsed only if that fails, or if it has aliases.
 * @param apiVersion group and version, `monitoring.coreos.com/v1`
 */
export function findCrdVersion(
  manifests: readonly string[],
  apiVersion: string,
  kind: string,
): CrdVersion | 'unread' | undefined {
  const [group = '', version = ''] = apiVersion.split('/');
  let unread: 'unread' | undefined;
  for (const text of manifests) {
    if (!text.includes(kind) || !text.includes(group)) continue;
    const block = schemaBlock(text, group, kind, version);
    if (block === 'another') continue;
    const lines = block === undefined || ALIAS.test(text) ? undefined : block;
    let parsed: { readonly root: StructuralSchema | 'unread' | undefined } | undefined;
    const root = (): StructuralSchema | 'unread' | undefined => {
      parsed ??= { root: parseSchema(text, group, kind, version) };
      return parsed.root;
    };
    if (lines === undefined && root() === undefined) continue;
    if (lines === undefined && root() === 'unread') unread = 'unread';
    else
      return {
        schemaAt: (path) => (lines === undefined ? undefined : fieldBlock(lines, path)) ?? schemaAtPath(root(), path),
      };
  }
  return unread;
}

const ALIAS = /[\s[,]\*[\w.-]+[ \t]*(?:[,\]}\r\n]|$)/;

/**
 * Returns the lines of a version's schema; `another` for a CRD of another kind, undefined if indentation does not show
 * it.
 */
function schemaBlock(text: string, group: string, kind: string, version: string): string | 'another' | undefined {
  const spec = blockUnder(text, 'spec');
  const names = spec && blockUnder(spec, 'names');
  const [ownGroup, ownKind] = [spec && inlineValueOf(spec, 'group'), names && inlineValueOf(names, 'kind')];
  if (ownGroup === undefined || ownKind === undefined) return undefined;
  if (ownGroup !== group || ownKind !== kind) return 'another';
  const versions = blockItems(blockUnder(spec ?? '', 'versions') ?? '');
  const matchingVersion = versions.find((item) => inlineValueOf(item, 'name') === version);
  const schema = matchingVersion && blockUnder(matchingVersion, 'schema');
  return schema && blockUnder(schema, 'openAPIV3Schema');
}

/** Returns the schema of a field from the lines of the version's schema. */
function fieldBlock(block: string, path: LeafPath): StructuralSchema | undefined {
  let current: string | undefined = block;
  for (const key of path) {
    if (current === undefined) return undefined;
    const properties: string | undefined = typeof key === 'number' ? current : blockUnder(current, 'properties');
    current = properties && blockUnder(properties, typeof key === 'number' ? 'items' : key);
  }
  return current === undefined ? undefined : asSchema(readManifest(current).object);
}

function parseSchema(
  text: string,
  group: string,
  kind: string,
  version: string,
): StructuralSchema | 'unread' | undefined {
  const { object, problem } = readManifest(text);
  if (problem !== undefined) return 'unread';
  const spec = asSchema(object?.spec);
  if (spec?.group !== group || asSchema(spec.names)?.kind !== kind || !Array.isArray(spec.versions)) return undefined;
  const matchingVersion = spec.versions.map(asSchema).find((item) => item?.name === version);
  return asSchema(asSchema(matchingVersion?.schema)?.openAPIV3Schema);
}

function schemaAtPath(
  root: StructuralSchema | 'unread' | undefined,
  path: LeafPath,
): StructuralSchema | 'any' | undefined {
  let current: StructuralSchema | 'any' | undefined = root === 'unread' ? 'any' : root;
  for (const key of path) if (current !== undefined && current !== 'any') current = childSchema(current, key);
  return current;
}

/**
 * Reads values of a YAML document by indentation, without parsing: CRDs are long, and only one field is needed. Finds
 * block style only; callers parse the document if nothing is found.
 */

/**
 * Returns the lines below a key of a block mapping; undefined if the key is missing or its value is on the same line.
 */
function blockUnder(block: string, key: string): string | undefined {
  const indent = indentOf(block);
  const spellings = [`${key}:`, `"${key}":`, `'${key}':`].map((text) => indent + text);
  const lines = block.split('\n');
  const index = lines.findIndex((line) => spellings.some((text) => line.trimEnd() === text));
  if (index < 0) return undefined;
  const isBlockEnd = (line: string): boolean => {
    const depth = line.search(/\S/);
    if (depth < 0) return false;
    // List items may have the same indentation as their key.
    return depth < indent.length || (depth === indent.length && !/^-(?: |$)/.test(line.slice(depth)));
  };
  const end = lines.findIndex((line, i) => i > index && isBlockEnd(line));
  const inner = lines.slice(index + 1, end < 0 ? undefined : end);
  return inner.some((line) => line.trim() !== '') ? inner.join('\n') : undefined;
}

/** Returns the items of a block list, each as a block. */
function blockItems(block: string): string[] {
  const indent = indentOf(block);
  const items: string[][] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith(`${indent}- `)) items.push([`${indent}  ${line.slice(indent.length + 2)}`]);
    else items.at(-1)?.push(line);
  }
  return items.map((lines) => lines.join('\n'));
}

/** Returns the text on the line of a key of a block mapping, without quotes. */
function inlineValueOf(block: string, key: string): string | undefined {
  const start = `${indentOf(block)}${key}: `;
  const line = block.split('\n').find((candidate) => candidate.startsWith(start));
  return line
    ?.slice(start.length)
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2');
}

function indentOf(block: string): string {
  return /^( *)\S/m.exec(block)?.[1] ?? '';
}
