import type { RenderedDocument } from '../helm/documents.ts';
import { isMapping } from './entry.ts';
import { needOf } from './need.ts';
import { searchObject } from './object.ts';
import type { PlaceFound } from './place.ts';
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
  const object = isRelevant(document.text) ? document.object : undefined;
  if (object === undefined) return [];
  const metadata = isMapping(object.metadata) ? object.metadata : {};
  const annotations = isMapping(metadata.annotations) ? metadata.annotations : {};
  const hook = annotations['helm.sh/hook'];
  const hooked = typeof hook === 'string' ? hook : undefined;
  return searchObject(object).map(({ spot, how, written, reference, confidence, parts, off }) => ({
    chart,
    profile,
    template: document.template,
    document: document.index,
    kind: text(object.kind),
    name: text(metadata.name),
    ...spot,
    how,
    written,
    ...(parts === undefined ? {} : { parts }),
    ...(hooked === undefined ? {} : { hook: hooked }),
    reference,
    confidence,
    need: needOf(how, hooked, off),
  }));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
