import type { RenderedDocument } from '../../helm/documents.ts';
import { typeMetaOf } from '../../helm/type-meta.ts';
import { objectIdentity } from '../located-reference.ts';
import { isIgnoredKind } from '../relevance.ts';
import { ContainerContext } from './container-context.ts';
import type { NetworkKind, NetworkLocation, NetworkNeed } from './need.ts';
import { mayFetch, NetworkSearch } from './search.ts';

/**
 * Returns what the workloads of a render fetch from outside the cluster at run time, except images: sorted by address,
 * each with all its locations. Excluded are addresses that a workload only talks to (webhooks, APIs), addresses inside
 * the cluster, and links for users.
 */
export function networkNeeds(
  documents: readonly RenderedDocument[],
  context: { readonly chart: string; readonly profile: string },
): NetworkNeed[] {
  const containerContext = new ContainerContext(documents);
  const needs = new Map<string, { url: string; kind: NetworkKind; found: NetworkLocation[] }>();
  for (const document of documents) {
    for (const { url, kind, location } of needsOf(document, containerContext, context)) {
      const need = needs.get(url) ?? { url, kind, found: [] };
      needs.set(url, need);
      need.found.push(location);
    }
  }
  return [...needs.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
}

function needsOf(
  document: RenderedDocument,
  containerContext: ContainerContext,
  context: { readonly chart: string; readonly profile: string },
): { url: string; kind: NetworkKind; location: NetworkLocation }[] {
  const object = isWorthParsing(document) ? document.object : undefined;
  if (object === undefined) return [];
  const search = new NetworkSearch(containerContext);
  search.visitObject(object, { path: '' });
  return search.matches.map(({ url, kind, fieldPath, evidence }) => ({
    url,
    kind,
    location: {
      ...context,
      template: document.template,
      document: document.index,
      ...objectIdentity(object),
      ...fieldPath,
      evidence,
    },
  }));
}

/**
 * Parsing is the main cost, and schemas and dashboards are most of the text. Secrets are always parsed because of their
 * base64, and so are documents of unknown kind such as JSON.
 */
function isWorthParsing(document: RenderedDocument): boolean {
  const kind = typeMetaOf(document)?.kind;
  return !isIgnoredKind(kind) && (kind === undefined || kind === 'Secret' || mayFetch(document.text));
}
