import type { RenderedDocument } from '../helm/documents.ts';
import { needOf } from './need.ts';
import { searchObject } from './object.ts';
import { identityOf, type PlaceFound } from './place.ts';
import { isRelevant } from './relevance.ts';

/**
 * Returns every image reference of a render, document by document. `path` and `within` are positional: the same field
 * has the same path in another render of the chart, whatever its value. The paths of the parts of a split reference are
 * fields of the object or, inside a text, fields of that text (as in the last step of `within`).
 */
export function discoverPlaces(
  documents: readonly RenderedDocument[],
  context: { readonly chart: string; readonly profile: string },
): PlaceFound[] {
  return documents.flatMap((document) => placesOf(document, context));
}

function placesOf(document: RenderedDocument, { chart, profile }: { chart: string; profile: string }): PlaceFound[] {
  const object = isRelevant(document) ? document.object : undefined;
  if (object === undefined) return [];
  const identity = identityOf(object);
  return searchObject(object).map(({ spot, how, written, reference, confidence, parts, off }) => ({
    chart,
    profile,
    template: document.template,
    document: document.index,
    ...identity,
    ...spot,
    how,
    written,
    ...(parts === undefined ? {} : { parts }),
    reference,
    confidence,
    need: needOf(how, identity.hook, off),
  }));
}
