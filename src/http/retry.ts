import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '../base/events.ts';
import type { HttpResponse, ResponseHeaders } from './exchange.ts';

/** How often and how patiently a request is made again. */
export interface RetryPolicy {
  /** Tries in all, the first one included, after failures. */
  readonly attempts: number;
  /** Tries in all while the server says 429: a throttled run is to be slow, not to fail. */
  readonly throttledAttempts: number;
  /** Milliseconds before the first repetition; doubles from there. */
  readonly baseDelay: number;
  /** Milliseconds, the longest wait of our own choosing. */
  readonly maxDelay: number;
  /** Milliseconds, the longest wait that a server's Retry-After may ask for; a longer one ends the request. */
  readonly maxRetryAfter: number;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
}

export const RETRY_DEFAULTS: RetryPolicy = {
  attempts: 6,
  throttledAttempts: 12,
  baseDelay: 500,
  maxDelay: 20_000,
  maxRetryAfter: 120_000,
  random: Math.random,
};

/**
 * Statuses after which the same request may well succeed. Beside the standard ones nginx's 499 (the request was closed
 * before its upstream answered), and Cloudflare's 520 to 524 (what is behind it is down, unreachable or late), which
 * go-containerregistry repeats in part, too. Cloudflare's 525 and 526 (TLS behind it is wrong) stay as they are.
 */
const RETRY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** Connections refused are tried this often: a restarting server comes back, a wrong port does not. */
const FEW_ATTEMPTS = 3;

/** How likely a repetition helps. */
export type Retryable = 'yes' | 'throttled' | 'few' | 'no';

export function retryableStatus(status: number): Retryable {
  if (status === 429) return 'throttled';
  return RETRY_STATUSES.has(status) ? 'yes' : 'no';
}

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
export const checkStatus: RetryCheck = (response) => ({
  response,
  retryable: retryableStatus(response.status),
  after: retryAfter(response.headers),
});

/** Waits between attempts and reports each repetition. */
export interface Retrier {
  /**
   * Waits before the next attempt, or answers false when there is none left or the signal has ended the waiting.
   * `attempt` counts the tries already made; `after` is the server's Retry-After in milliseconds.
   */
  again(attempt: Attempt): Promise<boolean>;
}

export interface Attempt {
  readonly what: string;
  readonly attempt: number;
  readonly reason: string;
  readonly retryable: Retryable;
  readonly after?: number;
  readonly signal?: AbortSignal;
}

export function createRetrier(policy: RetryPolicy, emit: Emit): Retrier {
  const limit: Record<Retryable, number> = {
    yes: policy.attempts,
    throttled: policy.throttledAttempts,
    few: Math.min(FEW_ATTEMPTS, policy.attempts),
    no: 1,
  };
  return {
    async again({ what, attempt, reason, retryable, after = 0, signal }) {
      if (attempt >= limit[retryable] || after > policy.maxRetryAfter) return false;
      const ceiling = Math.min(policy.maxDelay, policy.baseDelay * 2 ** (attempt - 1));
      // Half fixed, half random: never at once, and never all workers together.
      const delay = after + ceiling / 2 + (ceiling / 2) * policy.random();
      emit({ type: 'retry', what, attempt, reason });
      return sleep(delay, true, { signal }).catch(() => false);
    },
  };
}

/** The Retry-After of an answer in milliseconds; undefined when there is none to be understood. */
export function retryAfter(headers: ResponseHeaders, now = Date.now()): number | undefined {
  return parseRetryAfter(headers['retry-after'], now);
}

/** Retry-After (RFC 9110, 10.2.3) in milliseconds from `now`; undefined when there is none to be understood. */
export function parseRetryAfter(value: string | string[] | undefined, now: number): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
