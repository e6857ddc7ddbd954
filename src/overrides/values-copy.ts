import { isDeepStrictEqual } from 'node:util';
import { isMapping } from '../base/mapping.ts';
import { readYamlValues } from '../base/yaml-read.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import type { Change } from '../value-tracing/changes.ts';
import type { LeafPath } from '../value-tracing/leaves.ts';

/** Leaf with the value that is set. */
interface SetLeaf {
  readonly path: LeafPath;
  readonly value: unknown;
}

/**
 * Reports whether a change only shows the set leaves in a copy of the values, as charts put all or part of them into a
 * ConfigMap or a Secret. Every difference must be at the end of a leaf's path and have the leaf's value.
 */
export function isValuesCopy(
  { path, before, after }: Change,
  object: RenderedDocument['object'],
  setLeaves: readonly SetLeaf[],
): boolean {
  const { kind } = object ?? {};
  const isData = path.length === 2 && /^(?:data|stringData|binaryData)$/.test(String(path[0]));
  if (!isData || typeof before !== 'string' || typeof after !== 'string') return false;
  const isEncoded = path[0] === 'binaryData' || (kind === 'Secret' && path[0] === 'data');
  const [previous, current] = [before, after].map((text) =>
    parseValues(isEncoded ? Buffer.from(text, 'base64').toString('utf8') : text),
  );
  return typeof previous === 'object' && typeof current === 'object' && isCopied(previous, current, [], setLeaves);
}

/** Reports whether a change is that of a checksum annotation, which restarts pods. */
export function isChecksum({ path, before, after }: Change): boolean {
  const isHash = (value: unknown): boolean =>
    typeof value === 'string' && /^(?:[0-9a-f]{8,128}|[A-Za-z0-9+/]{43}=)$/.test(value);
  return path.includes('annotations') && isHash(before) && isHash(after);
}

function isCopied(before: unknown, after: unknown, path: LeafPath, setLeaves: readonly SetLeaf[]): boolean {
  if (isDeepStrictEqual(before, after)) return true;
  const setLeaf = setLeaves.find((leaf) => isPathSuffix(leaf.path, path));
  if (setLeaf !== undefined && isDeepStrictEqual(after, setLeaf.value)) return true;
  if (!isMapping(before ?? {}) || !isMapping(after)) return false;
  const [previous, current] = [before ?? {}, after] as Record<string, unknown>[];
  const keys = new Set([...Object.keys(previous ?? {}), ...Object.keys(current ?? {})]);
  return [...keys].every((key) => isCopied(previous?.[key], current?.[key], [...path, key], setLeaves));
}

/** Reports whether `path` is the end of the leaf's path; in a copy of a part of the values, paths are shorter. */
function isPathSuffix(leaf: LeafPath, path: LeafPath): boolean {
  return (
    path.length > 0 && leaf.length >= path.length && path.every((key, i) => key === leaf[leaf.length - path.length + i])
  );
}

/** Parses YAML: null for empty text, undefined for invalid text or several documents. */
function parseValues(text: string): unknown {
  const values = readYamlValues(text);
  return values === undefined || values.length > 1 ? undefined : (values[0] ?? null);
}
