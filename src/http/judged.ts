import type { HttpResponse } from './exchange.ts';
import { parseRetryAfter, type Retryable, retryableStatus } from './retry.ts';

/** An answer, of which the body may have been read and put back, and how likely a repetition helps. */
export interface Judged {
  readonly response: HttpResponse;
  readonly retryable: Retryable;
  /** Milliseconds that the server wants to be left alone. */
  readonly after?: number;
}

/** Judges an answer that is no success. */
export type Judge = (response: HttpResponse) => Judged | Promise<Judged>;

/** Judges by status and Retry-After alone. */
export const judgeStatus: Judge = (response) => {
  const after = parseRetryAfter(response.headers['retry-after'], Date.now());
  return { response, retryable: retryableStatus(response.status), ...(after === undefined ? {} : { after }) };
};

/** Judges any answer; a success is not looked at. */
export function judged(response: HttpResponse, judge: Judge = judgeStatus): Judged | Promise<Judged> {
  return response.status < 400 ? { response, retryable: 'no' } : judge(response);
}
