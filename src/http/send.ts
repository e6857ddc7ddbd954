import { AirgapError } from '../base/errors.ts';
import { codeOf, HEADERS_TIMEOUT } from './error-codes.ts';
import type { HttpResponse, WireRequest } from './exchange.ts';
import { describeFailure, type Failure } from './failures.ts';
import type { Inflow, LeastRate } from './least-rate.ts';
import type { Pacer } from './pacer.ts';
import type { PlainHttp } from './plain-http.ts';
import { discard } from './read.ts';
import { checkHost, headersFor, MAX_REDIRECTS, redirectOf } from './redirects.ts';
import { type Attempt, type Retrier, type Retryable, retryAfter, retryableStatus } from './retry.ts';

/** Advice on retrying after a response, whose body may have been read and replaced. */
export interface RetryAdvice {
  readonly response: HttpResponse;
  readonly retryable: Retryable;
  /** Retry-After of the server in milliseconds. */
  readonly after?: number;
}

/** Decides whether to retry after an error response. */
export type RetryCheck = (response: HttpResponse) => RetryAdvice | Promise<RetryAdvice>;

/** Decides by status and Retry-After only. */
const checkStatus: RetryCheck = (response) => ({
  response,
  retryable: retryableStatus(response.status),
  after: retryAfter(response.headers),
});

/** Request body: its length in bytes, and a function that opens it for every attempt. */
export interface RequestBody {
  readonly length: number;
  open(): Uint8Array | AsyncIterable<Uint8Array>;
}

export interface HttpRequest {
  readonly method: WireRequest['method'];
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** Subject of the request, the beginning of every message: `quay.io/a/b:1`. */
  readonly what: string;
  /** Group of requests that the server may throttle together, per method: `manifests`. */
  readonly kind?: string;
  /** The body contains a secret and must not go to another host, port or scheme. */
  readonly secretBody?: boolean;
  /** Returns the Authorization header for a redirect to another origin, which never gets the original one. */
  readonly authorize?: (next: URL) => Promise<string | undefined>;
  /** False for a single attempt, when the caller retries a larger operation. Default true. */
  readonly retry?: boolean;
  /** Decides about retries after an error response. Default: by status. */
  readonly checkRetry?: RetryCheck;
  /** Overrides the transport's, for slow responses. */
  readonly headersTimeout?: number;
  /** Maximum number of attempts that may end by `headersTimeout`. Default: as for other failures. */
  readonly waits?: number;
  readonly signal?: AbortSignal;
}

/** Settings and state shared by all requests of a transport. */
export interface Wire {
  readonly plain: PlainHttp;
  readonly send: (request: WireRequest) => Promise<HttpResponse>;
  readonly retrier: Retrier;
  readonly pacer: Pacer;
  readonly userAgent: string;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  readonly leastRate: LeastRate;
  readonly inflow: Inflow;
  readonly waiting: (host: string, what: string) => void;
}

/**
 * Sends a request, with redirects and retries. Every attempt starts at the original URL, since storage URLs expire.
 * @throws AirgapError as `Transport.request` does
 */
export async function sendRequest(wire: Wire, request: HttpRequest): Promise<HttpResponse> {
  const { what, signal, method, url, kind = '' } = request;
  const pace = wire.pacer.of(`${method} ${kind} ${url.host}`);
  let waits = 0;
  const again = async (setback: Pick<Attempt, 'attempt' | 'reason' | 'retryable' | 'after'>): Promise<boolean> => {
    const answer = request.retry !== false && (await wire.retrier.again({ what, signal, ...setback }));
    if (signal?.aborted) throw describeFailure(signal.reason, { url, what, signal }).error;
    return answer;
  };
  for (let attempt = 1; ; attempt++) {
    const turn = pace.turn(signal);
    if (turn !== undefined) await turn;
    const began = pace.now();
    const outcome = await follow(wire, request);
    if (!('status' in outcome)) {
      if (isUnanswered(outcome.error)) waits++;
      const retryable = request.waits !== undefined && waits >= request.waits ? 'no' : outcome.retryable;
      if (await again({ attempt, reason: outcome.error.message, retryable })) continue;
      throw outcome.error;
    }
    const { response, retryable, after } = await advise(outcome, request.checkRetry);
    pace.ended(began, retryable === 'throttled');
    const reason = `${outcome.url.host} returned ${outcome.status}`;
    if (!(await again({ attempt, reason, retryable, after }))) return response;
    await discard(response);
  }
}

/** Advises no retry for a success; asks `check` otherwise. */
function advise(response: HttpResponse, check: RetryCheck = checkStatus): RetryAdvice | Promise<RetryAdvice> {
  return response.status < 400 ? { response, retryable: 'no' } : check(response);
}

/** Returns true when the request ended by `headersTimeout`, without any response. */
export function isUnanswered(error: AirgapError): boolean {
  return codeOf(error.cause) === HEADERS_TIMEOUT;
}

/** Makes one attempt and follows its redirects. */
async function follow(wire: Wire, request: HttpRequest): Promise<HttpResponse | Failure> {
  const { method, body, what, signal } = request;
  let { url } = request;
  checkHost(url, what);
  let headers: Readonly<Record<string, string>> = {
    'user-agent': wire.userAgent,
    // Without this header any coding is acceptable (RFC 9110, 12.5.3), and compression breaks digests, lengths and
    // ranges.
    'accept-encoding': 'identity',
    ...request.headers,
  };
  if (body !== undefined) headers = { ...headers, 'content-length': String(body.length) };
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    if (url.protocol === 'http:' && !wire.plain(url.host)) {
      // Not `network`: a retry has the same result.
      throw new AirgapError('registry', `${what}: plain HTTP to ${url.host} is not allowed`, {
        hint: `if the host has no TLS, add --plain-http ${url.host}`,
      });
    }
    let response: HttpResponse;
    const { host } = url;
    try {
      response = await wire.send({
        method,
        url,
        headers,
        what,
        headersTimeout: request.headersTimeout ?? wire.headersTimeout,
        bodyTimeout: wire.bodyTimeout,
        leastRate: wire.leastRate,
        inflow: wire.inflow,
        waiting: () => wire.waiting(host, what),
        ...(body === undefined ? {} : { body: body.open() }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (thrown) {
      return describeFailure(thrown, { url, what, ...(signal === undefined ? {} : { signal }) });
    }
    const next = redirectOf(response, request);
    if (next === undefined) return response;
    await discard(response);
    headers = headersFor(headers, url, next);
    const authorization = next.origin === url.origin ? undefined : await request.authorize?.(next);
    if (authorization !== undefined) headers = { ...headers, authorization };
    url = next;
  }
  throw new AirgapError('registry', `${what}: ${request.url.host} redirects more than ${MAX_REDIRECTS} times`);
}
