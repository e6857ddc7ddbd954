import { type Entry, entriesOf, isMapping, type Mapping } from './entry.ts';
import type { Hit } from './hit.ts';
import { decodedText } from './payload.ts';
import { isSilent } from './relevance.ts';
import type { Watch } from './sight.ts';
import { childOf, inside, type Spot } from './spot.ts';
import { type Context, Walk } from './walk.ts';

/** Context at the top of a document: no evidence, so plain strings are not candidates. */
export const START: Context = {
  how: undefined,
  key: undefined,
  namedBy: undefined,
  evidence: 'none',
  underImage: false,
  inherited: [],
  off: false,
  script: false,
  depth: 0,
};

/** API groups of Kubernetes itself. Their fields are known, so only the strings of pod specs are candidates. */
const BUILT_IN =
  /^(?:v1|(?:apps|batch|autoscaling|policy|extensions)\/.*|(?:(?:admissionregistration|apiextensions|apiregistration|authentication|authorization|certificates|coordination|discovery|events|flowcontrol\.apiserver|internal\.apiserver|networking|node|rbac\.authorization|resource|scheduling|storage|storagemigration)\.k8s\.io)\/.*)$/;

/**
 * Returns every reference in one Kubernetes object, in the order of its fields. `listener` also receives the rejected
 * texts.
 */
export function searchObject(object: Mapping, watch?: Watch): readonly Hit[] {
  const walk = new Walk(watch);
  searchInto(walk, object, { path: '' });
  return walk.hits;
}

function searchInto(walk: Walk, object: Mapping, root: Spot): void {
  const { kind, apiVersion, items } = object;
  if (isSilent(kind)) {
    walk.omit('kind', object, root, START);
    return;
  }
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    for (const [i, item] of items.entries()) {
      if (isMapping(item)) searchInto(walk, item, childOf(childOf(root, 'items'), i));
    }
    return;
  }
  const { metadata, status, ...rest } = object;
  walk.omit('status', status, childOf(root, 'status'), START);
  const at = childOf(root, 'metadata');
  if (isMapping(metadata)) {
    const { annotations, ...own } = metadata;
    walk.omit('metadata', own, at, START);
    walk.visit(annotations, childOf(at, 'annotations'), { ...START, how: 'annotation' });
  }
  const entries = payloadEntries(rest, kind, root);
  if (apiVersion === 'v1' && entries !== undefined) {
    walk.visitEntries(entries, { ...START, how: 'config' });
    return;
  }
  const { spec } = rest;
  const idle = isMapping(spec) && (spec.replicas === 0 || spec.suspend === true);
  const builtIn = typeof apiVersion === 'string' && BUILT_IN.test(apiVersion);
  walk.visit(rest, root, { ...START, off: idle, how: builtIn ? undefined : 'custom-resource' });
}

/** Returns the entries of a ConfigMap or Secret; undefined for other kinds. */
function payloadEntries({ data, binaryData, stringData }: Mapping, kind: unknown, root: Spot): Entry[] | undefined {
  if (kind === 'ConfigMap') {
    return [...plain(data, childOf(root, 'data')), ...encoded(binaryData, childOf(root, 'binaryData'))];
  }
  if (kind === 'Secret') {
    return [...encoded(data, childOf(root, 'data')), ...plain(stringData, childOf(root, 'stringData'))];
  }
  return undefined;
}

function plain(data: unknown, spot: Spot): Entry[] {
  return isMapping(data) ? entriesOf(data, spot) : [];
}

/** Decodes base64 values. Values that are not text are omitted. */
function encoded(data: unknown, spot: Spot): Entry[] {
  return plain(data, spot).flatMap(({ key, value, spot: at }) => {
    const text = typeof value === 'string' ? decodedText(Buffer.from(value, 'base64')) : undefined;
    return text === undefined ? [] : [{ key, value: text, spot: inside(at, 'base64') }];
  });
}
