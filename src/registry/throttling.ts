import type { Quota } from '../base/events.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { type RateLimit, rateLimitOf } from '../http/rate-limit.ts';
import { peek } from '../http/read.ts';
import { RETRY_DEFAULTS, type RetryAdvice, retryableStatus } from '../http/retry.ts';
import { parseComplaint } from './complaint.ts';
import { retryableRefusal } from './refusals.ts';

/** Milliseconds that a wait has to be long to be told. */
const WORTH_TELLING = 60_000;
/** Milliseconds from which on a time of day says nothing any more. */
const TOO_FAR = 400 * 24 * 3600 * 1000;

/**
 * Tells a limit that holds for hours (Docker Hub's on pulls) from one on requests a second or minute (ECR, ghcr.io, Artifact
 * Registry, Docker Hub's against abuse): the first ends the request at once, the others are waited for. All say 429,
 * ghcr.io also 403.
 */
export async function checkRateLimit(response: HttpResponse): Promise<RetryAdvice> {
  const { status } = response;
  const limit = rateLimitOf(response.headers, Date.now());
  const after = limit.wait;
  if (status !== 429 && status !== 403) return { response, retryable: retryableStatus(status), after };
  if (status === 429 && isUsedUp(limit)) return { response, retryable: 'no', after };
  const { bytes, response: whole } = await peek(response);
  return { response: whole, retryable: retryableRefusal(status, parseComplaint(bytes)), after };
}

/** Whether nothing is left of a limit for longer than a run waits, of which nobody says when it begins anew. */
function isUsedUp({ remaining, window = 0, wait }: RateLimit): boolean {
  return remaining === 0 && wait === undefined && window * 1000 > RETRY_DEFAULTS.maxRetryAfter;
}

/** Seconds of Docker Hub's limit on pulls ("Docker Hub pull usage and limits"), where the answer does not say. */
const HUB_WINDOW = 6 * 3600;

/** What the headers of a refusal say of a limit, for sentences; each part is empty where they say nothing. */
interface LimitText {
  /** How much was allowed: ` (10 in 6 hours)`. */
  readonly size: string;
  /** When it is over: `in 1 hour (at …)`. */
  readonly end: string;
}

/** @param isHub the answer is one that Docker Hub words */
export function describeRateLimit(response: HttpResponse, now: number, isHub = false): LimitText {
  const { limit, wait, window = isHub ? HUB_WINDOW : undefined } = rateLimitOf(response.headers, now);
  const size = limit === undefined || window === undefined ? '' : ` (${limit} in ${duration(window)})`;
  const until = wait ?? (window ?? 0) * 1000;
  if (until < WORTH_TELLING || until > TOO_FAR) return { size, end: '' };
  // When the hours of such a limit began nobody says.
  const [least, at] = wait === undefined ? ['within', 'by'] : ['in', 'at'];
  return { size, end: `${least} ${duration(until / 1000)} (${at} ${clock(now + until)})` };
}

/** A time of day, in full minutes upwards: `2026-11-22 15:04 UTC`. */
function clock(time: number): string {
  return `${new Date(time + 59_999).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} seconds`;
  if (seconds < 7200 && seconds % 3600 !== 0) return `${Math.ceil(seconds / 60)} minutes`;
  const hours = Math.ceil(seconds / 360) / 10;
  return `${hours} ${hours === 1 ? 'hour' : 'hours'}`;
}

/** The limit on pulls that an answer tells of, as Docker Hub's do; undefined where it tells of none. */
export function quotaOf(registry: string, response: HttpResponse): Quota | undefined {
  const { remaining, limit, window } = rateLimitOf(response.headers, Date.now());
  // Limits with an `x-` before their names are on other things than pulls.
  if (remaining === undefined || response.headers['ratelimit-remaining'] === undefined) return undefined;
  return {
    registry,
    remaining,
    ...(limit === undefined ? {} : { limit }),
    ...(window === undefined ? {} : { seconds: window }),
  };
}
