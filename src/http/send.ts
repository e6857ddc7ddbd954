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

/** How likely a repetition helps after an answer, of which the body may have been read and put back. */
export interface RetryAdvice {
  readonly response: HttpResponse;
  readonly retryable: Retryable;
  /** Milliseconds that the server wants to be left alone. */
  readonly after?: number;
}

/** Decides about an answer that is no success. */
export type RetryCheck = (response: HttpResponse) => RetryAdvice | Promise<RetryAdvice>;

/** Decides by status and Retry-After alone. */
const checkStatus: RetryCheck = (response) => ({
  response,
  retryable: retryableStatus(response.status),
  after: retryAfter(response.headers),
});

/** A body to send: its length in bytes, and a way to open it as often as need be. */
export interface RequestBody {
  readonly length: number;
  open(): Uint8Array | AsyncIterable<Uint8Array>;
}

export interface HttpRequest {
  readonly method: WireRequest['method'];
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** What is asked for, at the beginning of every message: `quay.io/a/b:1`. */
  readonly what: string;
  /** What the server may count together with others of the same method, and throttle: `manifests`. */
  readonly kind?: string;
  /** The body holds a secret: it goes to no other host, port or scheme. */
  readonly secretBody?: boolean;
  /** Gives the Authorization header for another origin that a redirect leads to; those sent before never go there. */
  readonly authorize?: (next: URL) => Promise<string | undefined>;
  /** False: one attempt only, because the caller begins again further up. Default true. */
  readonly retry?: boolean;
  /** How likely a repetition helps after an answer; by its status where it is not given. */
  readonly checkRetry?: RetryCheck;
  /** Overrides the transport's, for answers that take their time. */
  readonly headersTimeout?: number;
  /** How often that may pass in vain. Default: as often as other failures may come. */
  readonly waits?: number;
  readonly signal?: AbortSignal;
}

/** What all requests of a transport share. */
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
 * Sends a request until there is an answer worth having. Every attempt begins at the first URL: storage links run out.
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
    const reason = `${outcome.url.host} answers ${outcome.status}`;
    if (!(await again({ attempt, reason, retryable, after }))) return response;
    await discard(response);
  }
}

/** A success is not looked at. */
function advise(response: HttpResponse, check: RetryCheck = checkStatus): RetryAdvice | Promise<RetryAdvice> {
  return response.status < 400 ? { response, retryable: 'no' } : check(response);
}

/** Whether nothing came at all, not even the head of an answer. */
export function isUnanswered(error: AirgapError): boolean {
  return codeOf(error.cause) === HEADERS_TIMEOUT;
}

/** One attempt, redirects included. */
async function follow(wire: Wire, request: HttpRequest): Promise<HttpResponse | Failure> {
  const { method, body, what, signal } = request;
  let { url } = request;
  checkHost(url, what);
  let headers: Readonly<Record<string, string>> = {
    'user-agent': wire.userAgent,
    // Where nothing is said any coding will do (RFC 9110, 12.5.3): compressed, digests, lengths and ranges mean something else.
    'accept-encoding': 'identity',
    ...request.headers,
  };
  if (body !== undefined) headers = { ...headers, 'content-length': String(body.length) };
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    if (url.protocol === 'http:' && !wire.plain(url.host)) {
      // Not `network`: asking again gives the same answer.
      throw new AirgapError('registry', `${what}: ${url.host} would be spoken to without TLS`, {
        hint: `if that is right, allow it with --plain-http ${url.host}`,
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
