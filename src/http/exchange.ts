import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { registerPooledChunk } from './connector.ts';
import { codedError, HEADERS_TIMEOUT, TOO_SLOW, UPLOAD_STALLED } from './error-codes.ts';
import { describeFailure } from './failures.ts';
import { type MinimumRate, RateWatch, type ReceivedBytes } from './minimum-rate.ts';

/** Response headers by lower-case name; a repeated header is a list. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface HttpResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** URL of the response, after redirects. */
  readonly url: URL;
  /** Must be read to its end or destroyed. A failure in mid-body is an AirgapError `network`. */
  readonly body: Readable;
}

/** A single HTTP request, without redirects and retries. */
export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly what: string;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  readonly minimumRate: MinimumRate;
  readonly received: ReceivedBytes;
  /**
   * Called once when the response headers are slow to arrive; the request continues. Returns a function that is called
   * when they have arrived or the request has failed.
   */
  readonly onSlowResponse: () => () => void;
  readonly signal?: AbortSignal;
}

/** Milliseconds without response headers before the wait is reported. */
const SLOW_RESPONSE = 10_000;

/**
 * Bytes of a response to buffer for a slow reader. Measured on loopback, 300 MB: 64 KiB gives 1.2 GB/s, 1 MiB 1.8 GB/s,
 * more gives no more. undici's own body stream is slightly slower and fails when destroyed early.
 */
const BODY_BUFFER = 1024 * 1024;

/** Sends one request and resolves when the response headers arrive. Rejects with undici's errors. */
export function exchange(dispatcher: Dispatcher, request: WireRequest): Promise<HttpResponse> {
  const { url, signal } = request;
  return new Promise((resolve, reject) => {
    let body: ResponseBody | undefined;
    let cleanUp = (): void => {};
    let onStall = (): void => {};
    let startedAt = 0;
    let wait: NodeJS.Timeout | undefined;
    let endWait = (): void => {};
    const requestBody =
      request.body instanceof Uint8Array
        ? request.body
        : withStallTimeout(request.body, request.bodyTimeout, () => onStall());
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        // By default undici closes the connection after a HEAD, for servers that send a body anyway. Registries do not,
        // and a new connection costs more than the request.
        reset: false,
        headers: request.headers,
        body: requestBody as Readable | Uint8Array | null, // undici takes any async iterable; its types say Readable
        headersTimeout: request.headersTimeout,
        bodyTimeout: request.bodyTimeout,
      },
      {
        onRequestStart(controller) {
          cleanUp();
          startedAt = performance.now();
          const abort = (): void => controller.abort(new Error('interrupted'));
          if (signal?.aborted) return abort();
          signal?.addEventListener('abort', abort, { once: true });
          // The response to an upload comes only after the whole body.
          const mayBeSlow = request.headersTimeout > SLOW_RESPONSE && requestBody === null;
          const beginWait = (): void => {
            endWait = request.onSlowResponse();
          };
          wait = mayBeSlow ? setTimeout(beginWait, SLOW_RESPONSE).unref() : undefined;
          cleanUp = () => {
            clearTimeout(wait);
            endWait();
            signal?.removeEventListener('abort', abort);
          };
          onStall = () => controller.abort(codedError('stalled', UPLOAD_STALLED));
        },
        onResponseStart(controller, status, headers) {
          if (status < 200) {
            // undici restarts the headers timeout at every informational response.
            const isLate = performance.now() - startedAt > request.headersTimeout;
            if (isLate) controller.abort(codedError('late', HEADERS_TIMEOUT));
            return;
          }
          clearTimeout(wait);
          endWait();
          body = new ResponseBody(controller, request);
          resolve({ status, headers: headers as ResponseHeaders, url, body });
        },
        onResponseData(controller, chunk) {
          registerPooledChunk(chunk);
          if (body !== undefined && !body.receive(chunk)) controller.pause();
        },
        onResponseEnd() {
          cleanUp();
          body?.finish();
        },
        onResponseError(_controller, error) {
          cleanUp();
          if (body === undefined) reject(isLengthMismatch(error) ? ambiguousLengthError() : error);
          else body.fail(error);
        },
      },
    );
  });
}

/** Reports whether the body length differs from the announced one. */
function isLengthMismatch(error: Error & { readonly code?: unknown }): boolean {
  return error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

/**
 * Error for a length mismatch reported before the response headers: the parser rejects headers with two body lengths
 * (RFC 9112, 6.3), because the end of such a response is ambiguous.
 */
function ambiguousLengthError(): Error {
  return codedError('two body lengths in the headers', 'HPE_UNEXPECTED_CONTENT_LENGTH');
}

/**
 * Wraps a request body with a timeout per chunk. undici's headers timeout includes the upload, and has to be long
 * enough for a registry to store a large blob.
 */
function withStallTimeout(
  body: AsyncIterable<Uint8Array> | undefined,
  timeout: number,
  onStall: () => void,
): AsyncIterable<Uint8Array> | null {
  if (body === undefined) return null;
  return (async function* () {
    for await (const chunk of body) {
      const timer = setTimeout(onStall, timeout);
      try {
        yield chunk;
      } finally {
        clearTimeout(timer);
      }
    }
  })();
}

/** Response body straight from the parser: no transform, no copy, with backpressure to the socket. */
class ResponseBody extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  readonly #request: WireRequest;
  #watch: RateWatch | undefined;
  #finished = false;

  constructor(controller: Dispatcher.DispatchController, request: WireRequest) {
    super({ highWaterMark: BODY_BUFFER });
    this.#controller = controller;
    this.#request = request;
    // Without a listener, a failure between the headers and the first read would end the process. Readers still see it.
    this.on('error', () => {});
  }

  /** Adds a chunk from the socket; returns false when the buffer is full. */
  receive(chunk: Buffer): boolean {
    // Started here because many responses have no body; before the first chunk, the body timeout applies.
    this.#watch ??= this.#startWatch();
    this.#watch.count(chunk.length);
    const hasRoom = this.push(chunk);
    if (!hasRoom) this.#watch.pause();
    return hasRoom;
  }

  #startWatch(): RateWatch {
    const { minimumRate, received } = this.#request;
    const controller = this.#controller;
    const tooSlow = (): void => controller.abort(codedError('too slow', TOO_SLOW));
    return new RateWatch(minimumRate, received, () => controller.paused, tooSlow);
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
    if (!this.#finished) this.#controller.abort(error ?? new Error('the reader was closed'));
    callback(error);
  }
}
