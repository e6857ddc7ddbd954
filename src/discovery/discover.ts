import type { RenderedDocument } from '../helm/documents.ts';
import { type LocatedReference, objectIdentity } from './located-reference.ts';
import { needOf } from './need.ts';
import { searchObject } from './object.ts';
import { isRelevant } from './relevance.ts';

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
  const object = isRelevant(document) ? document.object : undefined;
  if (object === undefined) return [];
  const identity = objectIdentity(object);
  return searchObject(object).map(({ fieldPath, how, written, reference, confidence, parts, disabled }) => ({
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
    need: needOf(how, identity.hook, disabled),
  }));
}
