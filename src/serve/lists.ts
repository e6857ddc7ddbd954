import { compareText } from '../base/text-order.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { MediaType } from '../oci/descriptor.ts';
import { type Answer, errorAnswer, jsonAnswer } from './answer.ts';

/** Compares without case, as the distribution specification 1.1 orders tags ("Listing Tags"); equal ones by code units. */
export function compareTags(a: string, b: string): number {
  return compareText(a.toLowerCase(), b.toLowerCase()) || compareText(a, b);
}

/** A page of a list, and the query of the next page if there is one. */
interface Page {
  readonly entries: readonly string[];
  readonly next: string | undefined;
}

/**
 * Returns the page that the query asks for: at most `n` entries after `last`.
 * @param sorted all entries in the order of `compare`
 * @returns undefined for an `n` that is no number
 */
export function pageOf(
  sorted: readonly string[],
  query: URLSearchParams,
  compare: (a: string, b: string) => number,
): Page | undefined {
  const [n, last] = [query.get('n'), query.get('last')];
  if (n !== null && !/^\d{1,15}$/.test(n)) return undefined;
  const rest = last === null ? sorted : sorted.slice(firstAfter(sorted, last, compare));
  const entries = n === null ? rest : rest.slice(0, Number(n));
  const end = entries.at(-1);
  if (end === undefined || entries.length === rest.length) return { entries, next: undefined };
  return { entries, next: new URLSearchParams({ n: n ?? '', last: end }).toString() };
}

/** Returns the index of the first entry after a text, which need not be an entry. */
function firstAfter(sorted: readonly string[], text: string, compare: (a: string, b: string) => number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(sorted[middle] as string, text) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Returns the answer with a page, and a `Link` to the next one.
 * @param path of the list
 * @param document what the page becomes
 */
export function pageAnswer(
  page: Page | undefined,
  path: string,
  document: (entries: readonly string[]) => object,
): Answer {
  if (page === undefined) return errorAnswer(400, 'PAGINATION_NUMBER_INVALID', 'n is not a number of entries');
  const link: Record<string, string> = page.next === undefined ? {} : { Link: `<${path}?${page.next}>; rel="next"` };
  return jsonAnswer(document(page.entries), link);
}

/** Returns a list of referrers (distribution specification 1.1, "Listing Referrers"), filtered if the query says so. */
export function referrersAnswer(referrers: readonly Descriptor[], query: URLSearchParams): Answer {
  // Media types have no spaces: a plus sign that was not escaped would become one.
  const artifactType = query.get('artifactType')?.replaceAll(' ', '+') ?? null;
  const manifests =
    artifactType === null ? referrers : referrers.filter((referrer) => referrer.artifactType === artifactType);
  const filters: Record<string, string> = artifactType === null ? {} : { 'OCI-Filters-Applied': 'artifactType' };
  const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
  return jsonAnswer(index, filters, 200, MediaType.ociIndex);
}
