import type { ResponseHeaders } from './exchange.ts';
import { readRetryAfter } from './retry.ts';

/** A server's request limit, from response headers. */
export interface RateLimit {
  /** Requests remaining. */
  readonly remaining?: number;
  /** Requests allowed per window. */
  readonly limit?: number;
  /** Length of the window in seconds. */
  readonly window?: number;
  /** Milliseconds until the limit resets or a retry is allowed. */
  readonly wait?: number;
}

/** Seconds above which a reset value is a Unix time rather than a duration. */
const EPOCH_THRESHOLD = 1e9;

/**
 * Parses rate limit headers: `retry-after` (RFC 9110, 10.2.3); `ratelimit-remaining: 0;w=21600` and `ratelimit-limit:
 * 10;w=21600` as sent by Docker Hub (draft-ietf-httpapi-ratelimit-headers up to version 07); `ratelimit-reset` in
 * seconds (same draft) or as Unix time (GitLab); all of them also with the prefix `x-` (GitHub). A reset is ignored
 * while requests remain.
 */
export function rateLimitOf(headers: ResponseHeaders, now: number): RateLimit {
  const remaining = parseField(rateLimitHeader(headers, 'remaining'));
  const limit = parseField(rateLimitHeader(headers, 'limit'));
  const window = remaining?.window ?? limit?.window;
  const reset = remaining?.amount === 0 ? parseField(rateLimitHeader(headers, 'reset'))?.amount : undefined;
  const until =
    reset === undefined ? undefined : reset > EPOCH_THRESHOLD ? Math.max(0, reset * 1000 - now) : reset * 1000;
  const wait = readRetryAfter(headers, now) ?? until;
  return {
    remaining: remaining?.amount,
    limit: limit?.amount,
    window,
    wait,
  };
}

function rateLimitHeader(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[`ratelimit-${name}`] ?? headers[`x-ratelimit-${name}`];
  return Array.isArray(value) ? value[0] : value;
}

function parseField(text: string | undefined): { readonly amount: number; readonly window?: number } | undefined {
  const [, amount, window] = /^\s*(\d{1,10})\s*(?:;\s*w=(\d{1,9})\s*)?$/.exec(text ?? '') ?? [];
  if (amount === undefined) return undefined;
  return { amount: Number(amount), window: window === undefined ? undefined : Number(window) };
}
