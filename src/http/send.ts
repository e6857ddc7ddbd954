import { AirgapError } from '../base/errors.ts';
import { printableLine } from '../base/printable.ts';
import { CONNECT_TIMEOUT, codeOf, HEADERS_TIMEOUT } from './error-codes.ts';
import type { HttpResponse, WireRequest } from './exchange.ts';
import { describeFailure, type RequestFailure } from './failures.ts';
import type { MinimumRate, ReceivedBytes } from './minimum-rate.ts';
import type { RateLimiters } from './rate-limiter.ts';
import { checkHostLength, headersForRedirect, MAX_REDIRECTS, redirectTarget } from './redirects.ts';
import { discardBody } from './response-body.ts';
import { type FailedAttempt, type Retrier, type Retryable, readRetryAfter, retryableStatus } from './retry.ts';
import { type SharedSteps, whileSlow } from './shared-steps.ts';

/** Advice on retrying after a response, whose body may have been read and replaced. */
export interface RetryAdvice {
  readonly response: HttpResponse;
  readonly retryable: Retryable;
  /** Retry-After of the server in milliseconds. */
  readonly retryAfter?: number;
}

/** Decides whether to retry after an error response. */
type RetryCheck = (response: HttpResponse) => RetryAdvice | Promise<RetryAdvice>;

/** Decides by status and Retry-After only. */
const checkStatus: RetryCheck = (response) => ({
  response,
  retryable: retryableStatus(response.status),
  retryAfter: readRetryAfter(response.headers),
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
  /** Another host may serve the same: few attempts, and only one if the host does not answer in time. Default false. */
  readonly hasAlternative?: boolean;
  /** Decides about retries after an error response. Default: by status. */
  readonly checkRetry?: RetryCheck;
  /** Overrides the transport's, for slow responses. */
  readonly headersTimeout?: number;
  /** Maximum number of attempts that may end by `headersTimeout`. Default: as for other failures. */
  readonly maxTimeouts?: number;
  readonly signal?: AbortSignal;
}

/** Settings and state shared by all requests of a transport. */
export interface TransportContext {
  /** Reports whether a host (with optional port) may be accessed without TLS. */
  readonly isPlainHttp: (host: string) => boolean;
  readonly send: (request: WireRequest) => Promise<HttpResponse>;
  readonly retrier: Retrier;
  readonly rateLimiters: RateLimiters;
  readonly userAgent: string;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  readonly minimumRate: MinimumRate;
  readonly received: ReceivedBytes;
  /** Steps for waits that several requests to a host have in common. */
  readonly waits: SharedSteps;
}

/**
 * Sends a request, with redirects and retries. Every attempt starts at the original URL, since storage URLs expire.
 * @throws AirgapError as `Transport.request` does
 */
export async function sendRequest(context: TransportContext, request: HttpRequest): Promise<HttpResponse> {
  const { what, signal, method, url, kind = '' } = request;
  const limiter = context.rateLimiters.get(`${method} ${kind} ${url.host}`);
  let timeouts = 0;
  const shouldRetry = async (
    failure: Pick<FailedAttempt, 'attempt' | 'reason' | 'retryable' | 'retryAfter'>,
  ): Promise<boolean> => {
    const retryable = request.hasAlternative && failure.retryable !== 'no' ? 'few' : failure.retryable;
    const isRetry =
      request.retry !== false && (await context.retrier.waitForRetry({ what, signal, ...failure, retryable }));
    if (signal?.aborted) throw describeFailure(signal.reason, { url, what, signal }).error;
    return isRetry;
  };
  for (let attempt = 1; ; attempt++) {
    const delay = limiter.acquire(signal);
    if (delay !== undefined) {
      const title = `waiting because ${url.host} limits the rate of requests (429)`;
      await whileSlow(delay, SLOW_RATE, () => context.waits.begin(`rate of ${url.host}`, title));
    }
    const startedAt = limiter.now();
    const outcome = await sendFollowingRedirects(context, request);
    if (!('status' in outcome)) {
      if (isHeadersTimeout(outcome.error)) timeouts++;
      const isLate = request.hasAlternative && isTimeout(outcome.error);
      const isLast = isLate || (request.maxTimeouts !== undefined && timeouts >= request.maxTimeouts);
      const retryable = isLast ? 'no' : outcome.retryable;
      if (await shouldRetry({ attempt, reason: outcome.error.message, retryable })) continue;
      throw outcome.error;
    }
    const { response, retryable, retryAfter } = await adviseRetry(outcome, request.checkRetry);
    limiter.recordResult(startedAt, retryable === 'throttled');
    const reason = `${outcome.url.host} returned ${outcome.status}`;
    if (!(await shouldRetry({ attempt, reason, retryable, retryAfter }))) return response;
    await discardBody(response);
  }
}

/** Milliseconds of waiting for a rate limit before a step tells it. */
const SLOW_RATE = 2000;

/** Advises no retry for a success; asks `check` otherwise. */
function adviseRetry(response: HttpResponse, check: RetryCheck = checkStatus): RetryAdvice | Promise<RetryAdvice> {
  return response.status < 400 ? { response, retryable: 'no' } : check(response);
}

/** Reports whether the request ended by `headersTimeout`, without any response. */
export function isHeadersTimeout(error: AirgapError): boolean {
  return codeOf(error.cause) === HEADERS_TIMEOUT;
}

/** Reports whether the host accepted no connection, or sent no response, in time. */
function isTimeout(error: AirgapError): boolean {
  return isHeadersTimeout(error) || codeOf(error.cause) === CONNECT_TIMEOUT;
}

/** Makes one attempt and follows its redirects. */
async function sendFollowingRedirects(
  context: TransportContext,
  request: HttpRequest,
): Promise<HttpResponse | RequestFailure> {
  const { method, body, what, signal } = request;
  let { url } = request;
  checkHostLength(url, what);
  let headers: Readonly<Record<string, string>> = {
    'user-agent': context.userAgent,
    // Without this header any coding is acceptable (RFC 9110, 12.5.3), and compression breaks digests, lengths and
    // ranges.
    'accept-encoding': 'identity',
    ...request.headers,
  };
  if (body !== undefined) headers = { ...headers, 'content-length': String(body.length) };
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    if (url.protocol === 'http:' && !context.isPlainHttp(url.host)) {
      // Not `network`: a retry has the same result.
      throw new AirgapError('registry', `plain HTTP to ${url.host} is not allowed`, {
        subject: what,
        hint: `if the host has no TLS, add --plain-http ${url.host}`,
      });
    }
    let response: HttpResponse;
    const { host } = url;
    try {
      response = await context.send({
        method,
        url,
        headers,
        what,
        headersTimeout: request.headersTimeout ?? context.headersTimeout,
        bodyTimeout: context.bodyTimeout,
        minimumRate: context.minimumRate,
        received: context.received,
        onSlowResponse: () => context.waits.begin(host, `waiting for ${printableLine(`${host} (${what})`)}`),
        body: body?.open(),
        signal,
      });
    } catch (thrown) {
      return describeFailure(thrown, { url, what, signal });
    }
    const next = redirectTarget(response, request);
    if (next === undefined) return response;
    await discardBody(response);
    headers = headersForRedirect(headers, url, next);
    const authorization = next.origin === url.origin ? undefined : await request.authorize?.(next);
    if (authorization !== undefined) headers = { ...headers, authorization };
    url = next;
  }
  throw new AirgapError('registry', `${request.url.host} redirects more than ${MAX_REDIRECTS} times`, {
    subject: what,
  });
}
