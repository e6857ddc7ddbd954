import type { RenderedDocument } from '../../helm/documents.ts';
import { headOf } from '../../helm/head.ts';
import { identityOf } from '../place.ts';
import { isSilent } from '../relevance.ts';
import type { NetworkKind, NetworkNeed, NetworkPlace } from './need.ts';
import { mayFetch, NetworkSearch } from './search.ts';
import { Surroundings } from './surroundings.ts';

/**
 * Returns what the workloads of a render fetch from outside the cluster at run time, except images: sorted by address,
 * each with all its locations. Excluded are addresses that a workload only talks to (webhooks, APIs), addresses inside
 * the cluster, and links for users.
 */
export function networkNeeds(
  documents: readonly RenderedDocument[],
  context: { readonly chart: string; readonly profile: string },
): NetworkNeed[] {
  const surroundings = new Surroundings(documents);
  const needs = new Map<string, { url: string; kind: NetworkKind; found: NetworkPlace[] }>();
  for (const document of documents) {
    for (const { url, kind, location } of needsOf(document, surroundings, context)) {
      const need = needs.get(url) ?? { url, kind, found: [] };
      needs.set(url, need);
      need.found.push(location);
    }
  }
  return [...needs.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
}

function needsOf(
  document: RenderedDocument,
  surroundings: Surroundings,
  context: { readonly chart: string; readonly profile: string },
): { url: string; kind: NetworkKind; location: NetworkPlace }[] {
  const object = isWorthParsing(document) ? document.object : undefined;
  if (object === undefined) return [];
  const search = new NetworkSearch(surroundings);
  search.visitObject(object, { path: '' });
  return search.hits.map(({ url, kind, spot, evidence }) => ({
    url,
    kind,
    location: {
      ...context,
      template: document.template,
      document: document.index,
      ...identityOf(object),
      ...spot,
      evidence,
    },
  }));
}

/**
 * Parsing is the main cost, and schemas and dashboards are most of the text. Secrets are always parsed because of their
 * base64, and so are documents of unknown kind such as JSON.
 */
function isWorthParsing(document: RenderedDocument): boolean {
  const kind = headOf(document)?.kind;
  return !isSilent(kind) && (kind === undefined || kind === 'Secret' || mayFetch(document.text));
}
