import { count } from '../base/count.ts';
import type { Quota } from '../base/events.ts';
import { parseErrorBody } from '../http/error-body.ts';
import type { HttpResponse, ResponseHeaders } from '../http/exchange.ts';
import { peekBody } from '../http/response-body.ts';
import { RETRY_DEFAULTS, readRetryAfter, retryableStatus } from '../http/retry.ts';
import type { RetryAdvice } from '../http/send.ts';
import { retryableRefusal } from './refusals.ts';

/** Shortest wait in milliseconds to mention in a message. */
const MIN_WAIT_SHOWN = 60_000;
/** Longest wait in milliseconds to mention; longer ones are implausible. */
const MAX_WAIT_SHOWN = 400 * 24 * 3600 * 1000;

/**
 * Distinguishes a limit that lasts for hours (Docker Hub's pull limit) from one on requests per second or minute (ECR,
 * ghcr.io, Artifact Registry, Docker Hub's abuse limit): the former fails the request immediately, the latter are
 * retried. All return 429, ghcr.io also 403.
 */
export async function checkRateLimit(response: HttpResponse): Promise<RetryAdvice> {
  const { status } = response;
  const limit = rateLimitOf(response.headers, Date.now());
  const retryAfter = limit.wait;
  if (status !== 429 && status !== 403) return { response, retryable: retryableStatus(status), retryAfter };
  if (status === 429 && isExhausted(limit)) return { response, retryable: 'no', retryAfter };
  const { bytes, response: rewound } = await peekBody(response);
  return { response: rewound, retryable: retryableRefusal(status, parseErrorBody(bytes)), retryAfter };
}

/** Reports whether a limit is exhausted, its window exceeds the maximum wait, and its reset time is unknown. */
function isExhausted({ remaining, window = 0, wait }: RateLimit): boolean {
  return remaining === 0 && wait === undefined && window * 1000 > RETRY_DEFAULTS.maxRetryAfter;
}

/** Window of Docker Hub's pull limit in seconds ("Docker Hub pull usage and limits"), for responses without it. */
const HUB_WINDOW = 6 * 3600;

/** Texts for messages about a limit; each is empty when the headers do not say. */
interface LimitText {
  /** Size of the limit: ` (10 in 6 hours)`. */
  readonly size: string;
  /** End of the limit: `in 1 hour (at …)`. */
  readonly end: string;
}

/** Describes the limit of a response. @param isHub true for an error text of Docker Hub */
export function describeRateLimit(response: HttpResponse, now: number, isHub = false): LimitText {
  const { limit, wait, window = isHub ? HUB_WINDOW : undefined } = rateLimitOf(response.headers, now);
  const size = limit === undefined || window === undefined ? '' : ` (${limit} in ${formatDuration(window)})`;
  const until = wait ?? (window ?? 0) * 1000;
  if (until < MIN_WAIT_SHOWN || until > MAX_WAIT_SHOWN) return { size, end: '' };
  // Without a reset time, the start of the window is unknown: "within" and "by".
  const [durationWord, timeWord] = wait === undefined ? ['within', 'by'] : ['in', 'at'];
  return { size, end: `${durationWord} ${formatDuration(until / 1000)} (${timeWord} ${formatTime(now + until)})` };
}

/** Formats a time, rounded up to minutes: `2026-11-22 15:04 UTC`. */
function formatTime(time: number): string {
  return `${new Date(time + 59_999).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function formatDuration(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} seconds`;
  if (seconds < 7200 && seconds % 3600 !== 0) return `${Math.ceil(seconds / 60)} minutes`;
  const hours = Math.ceil(seconds / 360) / 10;
  return count(hours, 'hour');
}

/** Returns the pull limit in the headers of a response, as Docker Hub sends it; undefined when there is none. */
export function quotaOf(registry: string, response: HttpResponse): Quota | undefined {
  const { remaining, limit, window } = rateLimitOf(response.headers, Date.now());
  // Limits with the prefix `x-` are not about pulls.
  if (remaining === undefined || response.headers['ratelimit-remaining'] === undefined) return undefined;
  return {
    registry,
    remaining,
    limit,
    seconds: window,
  };
}

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
