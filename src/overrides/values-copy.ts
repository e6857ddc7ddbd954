import { isDeepStrictEqual } from 'node:util';
import { yamlDocument } from '../base/yaml-reading.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import type { Change } from '../influence/changes.ts';
import type { LeafPath } from '../influence/leaves.ts';

/** A leaf that is set, with its value. */
interface Leaf {
  readonly path: LeafPath;
  readonly value: unknown;
}

/**
 * Whether a change is nothing but what was set, in a copy of the values: programs get them whole or in part, in a
 * ConfigMap or, encoded, in a Secret. Every difference has to be at the end of a leaf's path, with the leaf's value.
 */
export function isValuesCopy(
  { path, was, is }: Change,
  object: RenderedDocument['object'],
  set: readonly Leaf[],
): boolean {
  const { kind } = object ?? {};
  const isData = path.length === 2 && /^(?:data|stringData|binaryData)$/.test(String(path[0]));
  if (!isData || typeof was !== 'string' || typeof is !== 'string') return false;
  const isEncoded = path[0] === 'binaryData' || (kind === 'Secret' && path[0] === 'data');
  const [old, now] = [was, is].map((text) => tree(isEncoded ? Buffer.from(text, 'base64').toString('utf8') : text));
  return typeof old === 'object' && typeof now === 'object' && isCopied(old, now, [], set);
}

/** A sum of what changed, as charts put it into annotations so that pods start anew. */
export function isChecksum({ path, was, is }: Change): boolean {
  const isSum = (value: unknown): boolean =>
    typeof value === 'string' && /^(?:[0-9a-f]{8,128}|[A-Za-z0-9+/]{43}=)$/.test(value);
  return path.includes('annotations') && isSum(was) && isSum(is);
}

function isCopied(was: unknown, is: unknown, path: LeafPath, set: readonly Leaf[]): boolean {
  if (isDeepStrictEqual(was, is)) return true;
  const here = set.find((leaf) => endsWith(leaf.path, path));
  if (here !== undefined && isDeepStrictEqual(is, here.value)) return true;
  if (!isMap(was ?? {}) || !isMap(is)) return false;
  const [old, now] = [was ?? {}, is] as Record<string, unknown>[];
  const keys = new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})]);
  return [...keys].every((key) => isCopied(old?.[key], now?.[key], [...path, key], set));
}

/** Of a copy of one part of the values the path begins further in. */
function endsWith(leaf: LeafPath, path: LeafPath): boolean {
  return (
    path.length > 0 && leaf.length >= path.length && path.every((key, i) => key === leaf[leaf.length - path.length + i])
  );
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tree(text: string): unknown {
  const document = yamlDocument(text, { uniqueKeys: false, logLevel: 'silent' });
  try {
    return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 1000 });
  } catch {
    return undefined;
  }
}
