import type { RenderedDocument } from '../helm/documents.ts';
import { needOf } from './need.ts';
import { searchObject } from './object.ts';
import { identityOf, type PlaceFound } from './place.ts';
import { isRelevant } from './relevance.ts';

/**
 * Every place of a render where an image reference stands, document by document. `path` and `within` are
 * positional: the same place of another render of the chart has the same ones, whatever it says there. The paths of
 * a split's parts are fields of the object or, inside a text, of the text (as the last step of `within` has them).
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
