import * as z from 'zod';
import { AirgapError } from '../base/errors.ts';
import { nextLink } from '../http/link-header.ts';
import { responseHeader } from '../http/response-body.ts';
import { type Api, type ApiRequest, type ApiResponse, parseResponse } from './requests.ts';

/** Entries of a page to ask for. Both APIs give ten by default; Harbor's adapter asks both for 100. */
const PAGE_SIZE = 100;
/** Maximum pages and entries of a list. */
const MAX_PAGES = 20_000;
const MAX_ENTRIES = 1_000_000;
/** Maximum bytes of all pages of a list, which are in memory together. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Entries from which a list may have been cut off: the smallest default of a page. */
const SMALLEST_PAGE = 10;

/** Names of the parameters of pages, by API. The older `/api/v0` takes those of `/enzi/v0`; unknown ones are ignored. */
const PARAMETERS = { enzi: ['start', 'limit'], api: ['pageStart', 'pageSize'] } as const;

/** A list in pages. */
export interface ListRequest<S extends z.ZodType> extends Pick<ApiRequest, 'path' | 'what' | 'isRoot'> {
  readonly query?: Readonly<Record<string, string>>;
  /** Field of the document with the entries. */
  readonly field: string;
  readonly schema: S;
  /**
   * Returns the sort key of an entry, if a page can start at any key: the list of an API that says `start` is inclusive.
   * Then what comes after the last entry is asked for, because proxies and limits of servers cut lists off silently.
   */
  readonly keyOf?: (entry: z.output<S>) => string | undefined;
}

interface Page<T> {
  readonly entries: readonly T[];
  /** Start of the next page. */
  readonly next: string | undefined;
  /** Number of entries of the whole list that the registry states. */
  readonly count: number | undefined;
  /** Length of the document. */
  readonly bytes: number;
}

/**
 * Reads all pages of a list. The next page is named by the header X-Next-Page-Start, by `nextPageStart` in the document, or
 * by a Link header (RFC 8288), of which only the start is used: no request leaves this list.
 * @returns undefined for 404
 * @throws AirgapError `registry` for a list that ends too early, repeats or is too long, and as {@link Api}
 */
export async function readList<S extends z.ZodType>(
  api: Api,
  list: ListRequest<S>,
): Promise<readonly z.output<S>[] | undefined> {
  const { what, keyOf } = list;
  const fail = (reason: string, hint?: string): AirgapError =>
    new AirgapError('registry', `${api.registry} ${reason}`, { subject: what, hint });
  const cutOff = (detail: string): AirgapError =>
    fail(
      `cut the list off: ${detail}`,
      'look for a limit of the registry or of a proxy in front of it, and run it again',
    );
  const entries: z.output<S>[] = [];
  const starts = new Set<string>();
  let stated = 0;
  let bytes = 0;
  let start: string | undefined;
  do {
    const page = await readPage(api, list, start);
    if (page === undefined && start === undefined) return undefined;
    if (page === undefined) throw cutOff(`it has no page after ${entries.length} entries`);
    entries.push(...page.entries);
    stated = Math.max(stated, page.count ?? 0);
    start = page.next;
    if (start !== undefined && starts.has(start)) throw fail('sends the same page of a list again and again');
    if (start !== undefined) starts.add(start);
    if (starts.size > MAX_PAGES) throw fail(`sends more than ${MAX_PAGES} pages`);
    bytes += page.bytes;
    if (bytes > MAX_BYTES) throw fail(`sends more than ${MAX_BYTES} bytes`);
    if (entries.length > MAX_ENTRIES) throw fail(`sends more than ${MAX_ENTRIES} entries`);
  } while (start !== undefined);
  if (entries.length < stated) throw cutOff(`it has ${stated} entries, and sent ${entries.length}`);
  const last = entries.at(-1);
  const key = last === undefined || entries.length < SMALLEST_PAGE ? undefined : keyOf?.(last);
  if (key === undefined) return entries;
  const rest = (await readPage(api, list, key))?.entries.filter((entry) => keyOf?.(entry) !== key) ?? [];
  const known = new Set(entries.map((entry) => keyOf?.(entry)));
  if (rest.some((entry) => !known.has(keyOf?.(entry)))) {
    throw cutOff(`it sent ${entries.length} entries as if they were all, and has more`);
  }
  return entries;
}

/** Reads a page. @returns undefined for 404 */
async function readPage<S extends z.ZodType>(
  api: Api,
  { path, what, isRoot = false, query = {}, field, schema }: ListRequest<S>,
  start: string | undefined,
): Promise<Page<z.output<S>> | undefined> {
  const [startName, sizeName] = path.startsWith('/enzi/') ? PARAMETERS.enzi : PARAMETERS.api;
  const [oldStart, oldSize] = PARAMETERS.enzi;
  const parameters = {
    ...query,
    [sizeName]: String(PAGE_SIZE),
    [oldSize]: String(PAGE_SIZE),
    ...(sizeName !== oldSize && { count: 'true' }),
    ...(start !== undefined && { [startName]: start, [oldStart]: start }),
  };
  const found = await api.find({ method: 'GET', path, query: parameters, what, isRoot });
  if (found === undefined) return undefined;
  const document = z.object({ [field]: z.array(schema).nullish(), nextPageStart: z.string().nullish() });
  const parsed = parseResponse(found, document, what) as { nextPageStart?: string | null } & Record<string, unknown>;
  return {
    entries: (parsed[field] ?? []) as readonly z.output<S>[],
    next: nextStart(found, parsed.nextPageStart ?? undefined),
    count: statedCount(found),
    bytes: found.bytes.length,
  };
}

function nextStart({ response }: ApiResponse, ofDocument: string | undefined): string | undefined {
  const link = nextLink(response)?.searchParams;
  const next =
    responseHeader(response, 'x-next-page-start') ??
    ofDocument ??
    link?.get(PARAMETERS.api[0]) ??
    link?.get(PARAMETERS.enzi[0]);
  return next === null || next === '' ? undefined : next;
}

/** Returns the number of entries in all pages, as the registry states it; undefined if it does not. */
function statedCount({ response }: ApiResponse): number | undefined {
  const text = responseHeader(response, 'x-resource-count') ?? responseHeader(response, 'x-total-count') ?? '';
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}
