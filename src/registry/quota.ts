import type { Quota } from '../base/events.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { rateLimitOf } from '../http/rate-limit.ts';

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
