import { childPath, type FieldPath, nestedPath } from '../base/field-path.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import { NO_ARTIFACTS } from './artifact-fields.ts';
import { defaultImages, mayHaveDefaultImages } from './crd-defaults.ts';
import { needOf } from './findings.ts';
import type { Match, MatchListener } from './match.ts';
import { entriesOf, type NamedValue } from './named-value.ts';
import { objectIdentity } from './object-identity.ts';
import { decodedText } from './payload.ts';
import { ReferenceWalker, type WalkContext } from './reference-walker.ts';
import { isIgnoredKind, isRelevant } from './relevance.ts';
import { isBuiltInApi } from './rules/silent-kinds.ts';

/**
 * Returns every image reference of a render, document by document. `path` and `within` are positional: the same field
 * has the same path in another render of the chart, whatever its value. The paths of the parts of a split reference are
 * fields of the object or, inside a text, fields of that text (as in the last step of `within`).
 */
export function discoverReferences(
  documents: readonly RenderedDocument[],
  context: { readonly chart: string; readonly profile: string },
): LocatedReference[] {
  return documents.flatMap((document) => referencesIn(document, context));
}

function referencesIn(
  document: RenderedDocument,
  { chart, profile }: { chart: string; profile: string },
): LocatedReference[] {
  const hasDefaults = mayHaveDefaultImages(document);
  const object = hasDefaults || isRelevant(document) ? document.object : undefined;
  if (object === undefined) return [];
  const identity = objectIdentity(object);
  const matches = hasDefaults ? defaultImages(object, searchDefaults) : searchObject(object);
  return matches.map(({ fieldPath, how, written, reference, confidence, parts, disabled }) => ({
    chart,
    profile,
    template: document.template,
    document: document.index,
    ...identity,
    ...fieldPath,
    how,
    written,
    ...(parts === undefined ? {} : { parts }),
    reference,
    confidence,
    need: hasDefaults ? 'operand' : needOf(how, identity.hook, disabled),
  }));
}

function searchDefaults(defaults: Mapping): readonly Match[] {
  const walker = new ReferenceWalker();
  walker.visit(defaults, { path: '' }, { ...ROOT_CONTEXT, how: 'custom-resource' });
  return walker.matches;
}

/** Context at the top of a document: no evidence, so plain strings are not candidates. */
export const ROOT_CONTEXT: WalkContext = {
  how: undefined,
  key: undefined,
  namedBy: undefined,
  evidence: 'none',
  underImage: false,
  inherited: {},
  artifacts: NO_ARTIFACTS,
  disabled: false,
  inScript: false,
  inSource: false,
  depth: 0,
};

/**
 * Returns every reference in one Kubernetes object, in the order of its fields. `listener` also receives the rejected
 * texts.
 */
export function searchObject(object: Mapping, listener?: MatchListener): readonly Match[] {
  const walker = new ReferenceWalker(listener);
  searchInto(walker, object, { path: '' });
  return walker.matches;
}

function searchInto(walker: ReferenceWalker, object: Mapping, root: FieldPath): void {
  const { kind, apiVersion, items } = object;
  if (isIgnoredKind(kind)) {
    walker.omit('kind', object, root, ROOT_CONTEXT);
    return;
  }
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    for (const [i, item] of items.entries()) {
      if (isMapping(item)) searchInto(walker, item, childPath(childPath(root, 'items'), i));
    }
    return;
  }
  const { metadata, status, ...body } = object;
  walker.omit('status', status, childPath(root, 'status'), ROOT_CONTEXT);
  const metadataPath = childPath(root, 'metadata');
  if (isMapping(metadata)) {
    const { annotations, ...otherMetadata } = metadata;
    walker.omit('metadata', otherMetadata, metadataPath, ROOT_CONTEXT);
    walker.visit(annotations, childPath(metadataPath, 'annotations'), { ...ROOT_CONTEXT, how: 'annotation' });
  }
  const entries = dataEntries(body, kind, root);
  if (apiVersion === 'v1' && entries !== undefined) {
    walker.visitEntries(entries, { ...ROOT_CONTEXT, how: 'config' });
    return;
  }
  const { spec } = body;
  const disabled = isMapping(spec) && (spec.replicas === 0 || spec.suspend === true);
  const isBuiltIn = typeof apiVersion === 'string' && isBuiltInApi(apiVersion);
  walker.visit(body, root, { ...ROOT_CONTEXT, disabled, how: isBuiltIn ? undefined : 'custom-resource' });
}

/** Returns the entries of a ConfigMap or Secret; undefined for other kinds. */
function dataEntries(
  { data, binaryData, stringData }: Mapping,
  kind: unknown,
  root: FieldPath,
): NamedValue[] | undefined {
  if (kind === 'ConfigMap') {
    return [
      ...plainEntries(data, childPath(root, 'data')),
      ...decodedEntries(binaryData, childPath(root, 'binaryData')),
    ];
  }
  if (kind === 'Secret') {
    return [
      ...decodedEntries(data, childPath(root, 'data')),
      ...plainEntries(stringData, childPath(root, 'stringData')),
    ];
  }
  return undefined;
}

function plainEntries(data: unknown, fieldPath: FieldPath): NamedValue[] {
  return isMapping(data) ? entriesOf(data, fieldPath) : [];
}

/** Decodes base64 values. Values that are not text are omitted. */
function decodedEntries(data: unknown, fieldPath: FieldPath): NamedValue[] {
  return plainEntries(data, fieldPath).flatMap(({ key, value, fieldPath: valuePath }) => {
    const text = typeof value === 'string' ? decodedText(Buffer.from(value, 'base64')) : undefined;
    return text === undefined ? [] : [{ key, value: text, fieldPath: nestedPath(valuePath, 'base64') }];
  });
}
