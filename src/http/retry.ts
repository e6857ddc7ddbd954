import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import { createSharedSteps } from './shared-steps.ts';

/** Number of attempts and delays between them. */
export interface RetryPolicy {
  /** Attempts after failures, including the first. */
  readonly attempts: number;
  /** Attempts while the server responds with 429, including the first: a throttled run should be slow, not fail. */
  readonly throttledAttempts: number;
  /** Milliseconds before the first retry; doubles with each one. */
  readonly baseDelay: number;
  /** Maximum delay in milliseconds. */
  readonly maxDelay: number;
  /** Maximum Retry-After in milliseconds; a longer one ends the request. */
  readonly maxRetryAfter: number;
  /** Returns a number from 0 to 1 for the jitter. */
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
 * Statuses worth a retry. Besides the standard ones: nginx's 499 (request closed before the upstream responded) and
 * Cloudflare's 520 to 524 (origin down, unreachable or late), some of which go-containerregistry retries, too. Not
 * Cloudflare's 525 and 526 (TLS failure at the origin).
 */
const RETRY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** Milliseconds from which a wait before a retry is a step. */
const SLOW_RETRY = 2000;

/** Attempts when a connection is refused: a restarting server comes back, a wrong port does not. */
const FEW_ATTEMPTS = 3;

/** Likelihood that a retry succeeds. */
export type Retryable = 'yes' | 'throttled' | 'few' | 'no';

export function retryableStatus(status: number): Retryable {
  if (status === 429) return 'throttled';
  return RETRY_STATUSES.has(status) ? 'yes' : 'no';
}

/** Waits between attempts and reports each retry. */
export interface Retrier {
  /**
   * Waits before the next attempt. Resolves to false when no attempt is left or the signal was aborted. `attempt` is
   * the number of attempts made so far; `retryAfter` is the server's Retry-After in milliseconds.
   */
  waitForRetry(attempt: FailedAttempt): Promise<boolean>;
}

export interface FailedAttempt {
  readonly what: string;
  readonly attempt: number;
  readonly reason: string;
  readonly retryable: Retryable;
  readonly retryAfter?: number;
  readonly signal?: AbortSignal;
}

export function createRetrier(policy: RetryPolicy, emit: Emit): Retrier {
  const limit: Record<Retryable, number> = {
    yes: policy.attempts,
    throttled: policy.throttledAttempts,
    few: Math.min(FEW_ATTEMPTS, policy.attempts),
    no: 1,
  };
  const waits = createSharedSteps(emit);
  return {
    async waitForRetry({ what, attempt, reason, retryable, retryAfter = 0, signal }) {
      if (attempt >= limit[retryable] || retryAfter > policy.maxRetryAfter) return false;
      const ceiling = Math.min(policy.maxDelay, policy.baseDelay * 2 ** (attempt - 1));
      // Half fixed, half random: never at once, and never all workers together.
      const delay = retryAfter + ceiling / 2 + (ceiling / 2) * policy.random();
      emit({ type: 'retry', what, attempt, reason });
      const waiting = sleep(delay, true, { signal }).catch(() => false);
      if (delay < SLOW_RETRY) return waiting;
      const end = waits.begin(reason, printableLine(`waiting ${Math.ceil(delay / 1000)} s: ${reason}`));
      return waiting.finally(end);
    },
  };
}

/** Reads Retry-After from response headers, in milliseconds; undefined when it is missing or invalid. */
export function readRetryAfter(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  now = Date.now(),
): number | undefined {
  return parseRetryAfter(headers['retry-after'], now);
}

/** Parses Retry-After (RFC 9110, 10.2.3) into milliseconds from `now`; undefined when it is missing or invalid. */
export function parseRetryAfter(value: string | string[] | undefined, now: number): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
