import { isDeepStrictEqual } from 'node:util';
import { isMapping } from '../../base/mapping.ts';
import { readYamlValues } from '../../base/yaml-read.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Change } from '../../value-tracing/changes.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';

/** Field of pods and service accounts; custom resources of operators use the same name. */
export const PULL_SECRETS_FIELD = 'imagePullSecrets';

/**
 * Reports whether a change only adds a pull secret: as a Kubernetes entry, as a name if the CRD says so, or as an
 * environment variable or argument of an operator that creates pods.
 * @param secret name to look for; other secrets added by the same render belong to other trials
 * @param asNames true if the field belongs to a custom resource that lists names
 */
export function addsPullSecret(change: Change, secret: string, asNames = false): boolean {
  const { path, before, after } = change;
  if (path.at(-1) !== PULL_SECRETS_FIELD) return setsOperatorPullSecret(change, secret);
  if (!Array.isArray(after)) return false;
  const entries = after.map((entry) => JSON.stringify(entry));
  const previousItems = before === undefined || before === null ? [] : Array.isArray(before) ? before : undefined;
  const previousEntries = previousItems?.map((entry) => JSON.stringify(entry));
  if (previousEntries === undefined || previousEntries.some((entry) => !entries.includes(entry))) return false;
  const added = JSON.stringify(asNames ? secret : { name: secret });
  const others = entries.filter((entry) => entry !== added && !previousEntries.includes(entry));
  return entries.includes(added) && others.every((entry) => !entry.includes(secret));
}

function setsOperatorPullSecret({ path, before = [], after }: Change, secret: string): boolean {
  if (!/^(?:env|args)$/.test(String(path.at(-1))) || !Array.isArray(after) || !Array.isArray(before)) return false;
  const previous = new Set(before.map((item) => JSON.stringify(item)));
  const added = after.map((item) => JSON.stringify(item)).filter((item) => !previous.has(item));
  return (
    after.length === before.length + added.length &&
    added.some((item) => item.includes(secret)) &&
    added.every((item) => PULL_SECRET_NAME.test(item))
  );
}

/** Variables and arguments of operators that pass on the name of a pull secret. */
export const PULL_SECRET_NAME = /pull[-_]?secrets?/i;

/** Leaf with the value that is set. */
interface SetLeaf {
  readonly path: LeafPath;
  readonly value: unknown;
}

/**
 * Reports whether a change only shows the set leaves in a copy of the values, as charts put all or part of them into a
 * ConfigMap or a Secret. Every difference must have a leaf's value, at the end of the leaf's path or in a field for pull secrets, as
 * injectors have in their configuration.
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
  const isForSecrets = PULL_SECRET_NAME.test(String(path.findLast((key) => typeof key === 'string') ?? ''));
  const isSet = setLeaves.some(
    (leaf) => (isForSecrets || isPathSuffix(leaf.path, path)) && isDeepStrictEqual(after, leaf.value),
  );
  if (isSet) return true;
  const previous = before ?? {};
  if (!isMapping(previous) || !isMapping(after)) return false;
  const keys = new Set([...Object.keys(previous), ...Object.keys(after)]);
  return [...keys].every((key) => isCopied(previous[key], after[key], [...path, key], setLeaves));
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
