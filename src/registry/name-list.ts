import { AirgapError } from '../base/errors.ts';
import { isMapping } from '../base/mapping.ts';
import { isName } from '../base/names.ts';
import { parseErrorBody } from '../http/error-body.ts';
import { nextLink } from '../http/link-header.ts';
import { pageText, WEB_PAGE_HINT } from '../http/web-page.ts';
import type { Repository } from '../oci/reference.ts';
import { NAMES_PER_PAGE } from './api-url.ts';
import { errorFromBody } from './errors.ts';
import type { FullResponse, Session } from './session.ts';

/** Maximum bytes of one page: registries that ignore `n` send all names at once. */
const PAGE_LIMIT = 32 * 1024 * 1024;
/** Maximum entries of one list, and bytes of all its pages. */
const MAX_ENTRIES = 1_000_000;
const LIST_LIMIT = 512 * 1024 * 1024;
/** Maximum pages of one list; Quay sends 50 names a page. */
const MAX_PAGES = 20_000;
/** Maximum pages in a row that bring no new name. A page may be empty: registries leave out what a user may not see. */
const MAX_STALLED_PAGES = 100;
/** Maximum characters of the query of a page. */
const MAX_QUERY_LENGTH = 4096;
/** Statuses of a registry that does not know `last`. Others, such as 429, leave the list incomplete. */
const END_STATUSES: readonly number[] = [400, 404, 405];
/** Milliseconds to wait for a page. */
const PAGE_TIMEOUT = 60_000;

/** A list of names that a registry sends in pages. */
export interface ListRequest {
  readonly repository: Repository;
  readonly kind: 'tags' | 'catalog';
  /** Subject of errors. */
  readonly what: string;
}

/** The names of a list. */
export interface NameList {
  /** Valid names, each once, in the order of the registry. */
  readonly names: ReadonlySet<string>;
  /** Number of entries that are not valid names. */
  readonly invalid: number;
}

/** Field of the document, and kind of its names. */
const LISTS = {
  tags: { field: 'tags', nameKind: 'tag', actions: 'pull' },
  catalog: { field: 'repositories', nameKind: 'repository', actions: 'catalog' },
} as const;

/** An answer other than a list, as a value: callers differ in what it means to them. */
export interface ListRefusal {
  readonly status: number;
  readonly error: AirgapError;
}

/**
 * Reads all pages of a list (distribution specification 1.1, "Listing Tags"; Docker's registry API 2, "Catalog").
 *
 * Of the address of the next page, only the query is used. So a request never leaves this registry and this list, and
 * addresses work that name a path or host of which only the server knows (Artifactory, Nexus). Without an address, a full
 * page is followed by a question for what comes after its last name; registries without pages answer with the same names,
 * or with an error.
 * @returns a refusal if the first page is refused or no list
 * @throws AirgapError `registry` for pages that repeat, for too many names and for another document; `network`
 */
export async function readNames(session: Session, request: ListRequest): Promise<NameList | ListRefusal> {
  const { kind, what } = request;
  const { field, nameKind } = LISTS[kind];
  const names = new Set<string>();
  const asked = new Set<string>();
  let invalid = 0;
  let stalled = 0;
  let size = 0;
  let page = await readPage(session, request);
  // distribution and Quay refuse more names a page than their limit, which they do not tell.
  if (page.response.status === 400 || page.response.status === 413) page = await readPage(session, request, '');
  const { status } = page.response;
  if (status !== 200) return { status, error: refusalError(page, request) };
  for (;;) {
    const entries = entriesOf(page, field);
    if (entries === undefined) {
      const error = noListError(page, what);
      if (asked.size === 0) return { status, error };
      throw error;
    }
    size += page.bytes.length;
    const before = names.size;
    for (const entry of entries) {
      if (typeof entry === 'string' && isName(nameKind, entry)) names.add(entry);
      else invalid += 1;
    }
    if (names.size + invalid > MAX_ENTRIES) throw tooLong(what, `${MAX_ENTRIES} entries`);
    if (size > LIST_LIMIT) throw tooLong(what, `${LIST_LIMIT / 1024 / 1024} MiB`);
    stalled = names.size > before ? 0 : stalled + 1;
    const link = nextLink(page.response)?.search;
    const query = link ?? queryAfter(entries, nameKind);
    if (query === undefined) return { names, invalid };
    if (query.length > MAX_QUERY_LENGTH || asked.has(query) || stalled > MAX_STALLED_PAGES) {
      // A registry that does not know `last` answers with the same page again.
      if (link === undefined) return { names, invalid };
      throw new AirgapError('registry', `${page.response.url.host} sends the same page of a list again and again`, {
        subject: what,
      });
    }
    if (asked.size === MAX_PAGES) throw tooLong(what, `${MAX_PAGES} pages`);
    asked.add(query);
    page = await readPage(session, request, query);
    if (page.response.status === 200) continue;
    // The list may have ended exactly there, and the registry may not know `last`.
    if (link === undefined && END_STATUSES.includes(page.response.status)) return { names, invalid };
    throw refusalError(page, request);
  }
}

function readPage(session: Session, { repository, kind, what }: ListRequest, query?: string): Promise<FullResponse> {
  const { actions } = LISTS[kind];
  const endpoint = { kind, ...(query !== undefined && { query }) };
  return session.read({ method: 'GET', repository, actions, endpoint, headersTimeout: PAGE_TIMEOUT, what }, PAGE_LIMIT);
}

function refusalError({ response, bytes }: FullResponse, { repository, what }: ListRequest): AirgapError {
  return errorFromBody(response, parseErrorBody(bytes), { what, registry: repository.registry });
}

/** Returns the query of the page after a full one that has no Link header; undefined after the last page. */
function queryAfter(entries: readonly unknown[], kind: 'tag' | 'repository'): string | undefined {
  const last = entries.at(-1);
  if (entries.length !== NAMES_PER_PAGE || typeof last !== 'string' || !isName(kind, last)) return undefined;
  return `?n=${NAMES_PER_PAGE}&last=${encodeURIComponent(last)}`;
}

/** Returns the entries of a page; undefined for anything but a list. */
function entriesOf({ bytes }: FullResponse, field: string): readonly unknown[] | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const entries = isMapping(json) ? json[field] : undefined;
    // Go writes an empty list as null.
    if (entries === null) return [];
    return Array.isArray(entries) ? entries : undefined;
  } catch {
    return undefined;
  }
}

function noListError({ response, bytes }: FullResponse, what: string): AirgapError {
  const isPage = pageText(Buffer.from(bytes).toString('utf8').trim()) !== undefined;
  return new AirgapError('registry', `${response.url.host} sent ${isPage ? 'a web page' : 'no list'}`, {
    subject: what,
    ...(isPage && { hint: WEB_PAGE_HINT }),
  });
}

function tooLong(what: string, limit: string): AirgapError {
  return new AirgapError('registry', `the list has more than ${limit}`, { subject: what });
}
