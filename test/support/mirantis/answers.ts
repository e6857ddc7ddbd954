/** An answer of the stand-in: its JSON, and headers. */
export interface ApiAnswer {
  readonly status: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Request to the stand-in. */
export interface ApiRequest {
  readonly method: string;
  /** Decoded segments after the version. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** Name of the account that asks. */
  readonly caller: string;
}

/** Error in the format of the API: `{errors: [{code, message, detail}]}`. */
export function apiError(status: number, code: string, message: string, detail?: unknown): ApiAnswer {
  return { status, json: { errors: [{ code, message, ...(detail !== undefined && { detail }) }] } };
}

export const noSuchAccount = (name: string): ApiAnswer =>
  apiError(404, 'NO_SUCH_ACCOUNT', 'An account with the given name or ID does not exist.', `Account: ${name}`);
export const noSuchTeam = (name: string): ApiAnswer =>
  apiError(404, 'NO_SUCH_TEAM', 'A team with the given name or ID does not exist.', `Team: ${name}`);
export const noSuchRepository = (name: string): ApiAnswer =>
  apiError(404, 'NO_SUCH_REPOSITORY', 'The repository does not exist.', `Repository: ${name}`);
export const noHandler = (): ApiAnswer =>
  apiError(404, 'HANDLER_NOT_FOUND', 'No registered handler for this method and path.');
export const invalidField = (field: string, reason: string): ApiAnswer =>
  apiError(400, 'INVALID_FORM_FIELD', 'An input form field is invalid', { field, reason });

/** Entries of a page if the request gives no limit. */
const DEFAULT_LIMIT = 10;

/** Names of the parameters of a list: older ones are `start` and `limit`, of `/api/v0` `pageStart` and `pageSize`. */
export interface PageParameters {
  readonly start: string;
  readonly limit: string;
}

/**
 * Returns a page of a list: the entries from `start` on, and the start of the next page in `X-Next-Page-Start`.
 * @param keyOf sort key, which is also the start of a page
 * @param cutOff limit of the server, which ends the list there as if it was complete
 */
export function page<T>(
  { query }: ApiRequest,
  entries: readonly T[],
  keyOf: (entry: T) => string,
  parameters: PageParameters,
  cutOff = Number.POSITIVE_INFINITY,
): { readonly entries: readonly T[]; readonly headers: Readonly<Record<string, string>> } {
  const sorted = [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const start = query.get(parameters.start) ?? '';
  const limit = Number(query.get(parameters.limit) ?? 0) || DEFAULT_LIMIT;
  const from = sorted.findIndex((entry) => keyOf(entry) >= start);
  const first = from < 0 ? sorted.length : from;
  const end = first + Math.min(limit, cutOff);
  const next = cutOff < limit ? undefined : sorted[end];
  const headers: Record<string, string> = {};
  if (query.get('count') === 'true') headers['x-resource-count'] = String(sorted.length);
  if (next !== undefined) headers['x-next-page-start'] = keyOf(next);
  return { entries: sorted.slice(first, end), headers };
}
