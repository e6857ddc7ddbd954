import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from './exchange.ts';
import { readBody } from './response-body.ts';
import type { Retryable } from './retry.ts';
import type { HttpRequest } from './send.ts';
import type { Transport } from './transport.ts';

/** Response with its complete body. */
export interface ReadResponse<R extends HttpResponse> {
  readonly response: R;
  readonly bytes: Uint8Array;
}

export interface ReadOptions<R extends HttpResponse> extends Pick<HttpRequest, 'what' | 'signal' | 'hasAlternative'> {
  /** Maximum bytes of the body. */
  readonly limit: number;
  /** Returns a reason to retry a complete but damaged response; undefined when it is fine. */
  readonly checkDamage?: ((full: ReadResponse<R>) => string | undefined) | undefined;
}

/**
 * Sends a request and reads the body of the response. Retries when it is cut off, and a few times when it is damaged; the
 * last damaged response is returned.
 */
export async function readResponse<R extends HttpResponse>(
  { retrier }: Transport,
  { what, signal, hasAlternative, limit, checkDamage }: ReadOptions<R>,
  send: () => Promise<R>,
): Promise<ReadResponse<R>> {
  const mayRetry = (attempt: number, reason: string, retryable: Retryable): Promise<boolean> =>
    retrier.waitForRetry({ what, attempt, reason, retryable, signal });
  for (let attempt = 1; ; attempt++) {
    const response = await send();
    let full: ReadResponse<R>;
    try {
      full = { response, bytes: await readBody(response, limit, what) };
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code !== 'network') throw error;
      if (!(await mayRetry(attempt, error.message, hasAlternative ? 'few' : 'yes'))) throw error;
      continue;
    }
    const reason = checkDamage?.(full);
    if (reason === undefined || !(await mayRetry(attempt, reason, 'few'))) return full;
  }
}
