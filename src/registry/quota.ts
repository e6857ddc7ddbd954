import type { Quota } from '../base/events.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { headerOf } from '../http/read.ts';

/**
 * Reads `ratelimit-remaining: 76;w=21600` and `ratelimit-limit: 100;w=21600` (Docker Hub's "Pull usage and limits"; the
 * form is that of draft-ietf-httpapi-ratelimit-headers up to version 07).
 */
export function quotaOf(registry: string, response: HttpResponse): Quota | undefined {
  const remaining = parse(headerOf(response, 'ratelimit-remaining'));
  if (remaining === undefined) return undefined;
  const limit = parse(headerOf(response, 'ratelimit-limit'));
  const seconds = remaining.seconds ?? limit?.seconds;
  return {
    registry,
    remaining: remaining.amount,
    ...(limit === undefined ? {} : { limit: limit.amount }),
    ...(seconds === undefined ? {} : { seconds }),
  };
}

function parse(text: string | undefined): { readonly amount: number; readonly seconds?: number } | undefined {
  const [, amount, seconds] = /^\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9})\s*)?$/.exec(text ?? '') ?? [];
  if (amount === undefined) return undefined;
  return { amount: Number(amount), ...(seconds === undefined ? {} : { seconds: Number(seconds) }) };
}
