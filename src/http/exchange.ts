import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { lendPiece } from './connector.ts';
import { codedError, HEADERS_TIMEOUT, TOO_SLOW, UPLOAD_STALLED } from './error-codes.ts';
import { describeFailure } from './failures.ts';
import { type Inflow, type LeastRate, RateWatch } from './least-rate.ts';

/** Header names are lower case; a header that came several times is a list. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface HttpResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** To be read to its end or destroyed; a failure in mid-body is an AirgapError `network`. */
  readonly body: Readable;
}

/** One request as it goes over the wire. */
export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly what: string;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  readonly leastRate: LeastRate;
  readonly inflow: Inflow;
  /** Told once when an answer is long in coming, and the wait goes on. */
  readonly waiting: () => void;
  readonly signal?: AbortSignal;
}

/** Milliseconds without an answer after which somebody may want to know. */
const LONG = 60_000;

/**
 * Bytes of an answer that are held for a slow reader. Measured on loopback, 300 MB: 64 KiB gives 1.2 GB/s, 1 MiB
 * 1.8 GB/s, more gives no more. undici's own body stream is a little slower and fails when it is destroyed early.
 */
const BODY_BUFFER = 1024 * 1024;

/** Sends one request and gives the answer as soon as its head is there. Rejects with what undici throws. */
export function exchange(dispatcher: Dispatcher, request: WireRequest): Promise<HttpResponse> {
  const { url, signal } = request;
  return new Promise((resolve, reject) => {
    let body: ResponseBody | undefined;
    let stop = (): void => {};
    let stalled = (): void => {};
    let began = 0;
    let wait: NodeJS.Timeout | undefined;
    const sent =
      request.body instanceof Uint8Array ? request.body : watched(request.body, request.bodyTimeout, () => stalled());
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        // undici would close the connection after a HEAD, for servers that send a body all the same. Registries do not, and
        // a connection for each question costs more than the question.
        reset: false,
        headers: request.headers,
        body: sent as Readable | Uint8Array | null, // undici takes any async iterable; its types say Readable
        headersTimeout: request.headersTimeout,
        bodyTimeout: request.bodyTimeout,
      },
      {
        onRequestStart(controller) {
          stop();
          began = performance.now();
          const abort = (): void => controller.abort(new Error('interrupted'));
          if (signal?.aborted) return abort();
          signal?.addEventListener('abort', abort, { once: true });
          // An upload is not answered before all of it is sent.
          const isLong = request.headersTimeout > LONG && sent === null;
          wait = isLong ? setTimeout(request.waiting, LONG).unref() : undefined;
          stop = () => {
            clearTimeout(wait);
            signal?.removeEventListener('abort', abort);
          };
          stalled = () => controller.abort(codedError('stalled', UPLOAD_STALLED));
        },
        onResponseStart(controller, status, headers) {
          if (status < 200) {
            // For undici each of them begins the wait for the head anew.
            const isLate = performance.now() - began > request.headersTimeout;
            if (isLate) controller.abort(codedError('late', HEADERS_TIMEOUT));
            return;
          }
          clearTimeout(wait);
          body = new ResponseBody(controller, request);
          resolve({ status, headers: headers as ResponseHeaders, url, body });
        },
        onResponseData(controller, chunk) {
          lendPiece(chunk);
          if (body !== undefined && !body.arrive(chunk)) controller.pause();
        },
        onResponseEnd() {
          stop();
          body?.finish();
        },
        onResponseError(_controller, error) {
          stop();
          if (body === undefined) reject(isMismatch(error) ? refusedHead() : error);
          else body.fail(error);
        },
      },
    );
  });
}

/** Whether undici found another length than was announced. */
function isMismatch(error: Error & { readonly code?: unknown }): boolean {
  return error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

/**
 * What that means before the head of an answer is there: the parser refuses a head that says two lengths (RFC 9112, 6.3),
 * for nobody knows where such an answer ends, and the next one begins.
 */
function refusedHead(): Error {
  return codedError('a head with two lengths', 'HPE_UNEXPECTED_CONTENT_LENGTH');
}

/**
 * A body to send, with a limit on how long the other side may take for each piece. undici counts uploads into the time
 * for the answer's head, which has to be long enough for a registry to store a large blob.
 */
function watched(
  body: AsyncIterable<Uint8Array> | undefined,
  timeout: number,
  stalled: () => void,
): AsyncIterable<Uint8Array> | null {
  if (body === undefined) return null;
  return (async function* () {
    for await (const piece of body) {
      const timer = setTimeout(stalled, timeout);
      try {
        yield piece;
      } finally {
        clearTimeout(timer);
      }
    }
  })();
}

/** The body of an answer, straight from the parser: no transform, no copy, pressure handed back to the socket. */
class ResponseBody extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  readonly #request: WireRequest;
  #watch: RateWatch | undefined;
  #finished = false;

  constructor(controller: Dispatcher.DispatchController, request: WireRequest) {
    super({ highWaterMark: BODY_BUFFER });
    this.#controller = controller;
    this.#request = request;
    // A failure between the head and the first listener would end the process; readers see it all the same.
    this.on('error', () => {});
  }

  /** A piece from the socket; false when the reader has enough for now. */
  arrive(chunk: Buffer): boolean {
    // Many answers have no body, and where none comes at all the time-out between two pieces does.
    this.#watch ??= this.#begin();
    this.#watch.count(chunk.length);
    const isWanted = this.push(chunk);
    if (!isWanted) this.#watch.hold();
    return isWanted;
  }

  #begin(): RateWatch {
    const { leastRate, inflow } = this.#request;
    const controller = this.#controller;
    const tooSlow = (): void => controller.abort(codedError('too slow', TOO_SLOW));
    return new RateWatch(leastRate, inflow, () => controller.paused, tooSlow);
  }

  finish(): void {
    this.#watch?.stop();
    this.#finished = true;
    this.push(null);
  }

  fail(error: unknown): void {
    this.#watch?.stop();
    this.#finished = true;
    this.destroy(describeFailure(error, this.#request).error);
  }

  override _read(): void {
    if (this.#controller.paused) this.#controller.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#watch?.stop();
    if (!this.#finished) this.#controller.abort(error ?? new Error('the reader has gone'));
    callback(error);
  }
}
