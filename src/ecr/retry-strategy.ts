import type { ECRClientConfig } from '@aws-sdk/client-ecr';
import { ignoreEvents } from '../base/events.ts';
import { createRateLimiters, type RateLimiters } from '../http/rate-limiter.ts';
import { createRetrier, RETRY_DEFAULTS, type Retryable, type RetryPolicy } from '../http/retry.ts';
import { isTimeout, recordApi } from './failures.ts';
import type { EcrOptions } from './options.ts';

/** Retry strategy of the SDK. */
export type RetryStrategy = Extract<NonNullable<ECRClientConfig['retryStrategy']>, { recordSuccess: unknown }>;
type RetryErrorInfo = Parameters<RetryStrategy['refreshRetryTokenForRetry']>[1];

/** State of a request between its attempts. */
interface RetryToken extends Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>> {
  /** Start of the attempt, by the clock of the rate limiter. */
  readonly startedAt: number;
}

/**
 * Creates a retry strategy with the attempts, delays and rate limiter used for registries. The SDK's own strategy has
 * one retry budget for all requests, which a few hundred repositories of a throttled account would exhaust.
 * @param what API of AWS, for events and errors
 */
export function awsRetryStrategy(
  what: string,
  { emit = ignoreEvents, signal }: Pick<EcrOptions, 'emit' | 'signal'>,
  {
    policy = RETRY_DEFAULTS,
    rateLimiters = createRateLimiters(),
  }: { policy?: RetryPolicy; rateLimiters?: RateLimiters } = {},
): RetryStrategy {
  const retrier = createRetrier(policy, emit);
  const limiter = rateLimiters.get(what);
  const next = async (count: number): Promise<RetryToken> => {
    await limiter.acquire(signal);
    return { startedAt: limiter.now(), getRetryCount: () => count, getRetryDelay: () => 0 };
  };
  return {
    acquireInitialRetryToken: () => next(0),
    async refreshRetryTokenForRetry(token, info) {
      recordApi(info.error, what);
      const retryable = retryableOf(info);
      limiter.recordResult((token as RetryToken).startedAt, retryable === 'throttled');
      const attempt = token.getRetryCount() + 1;
      const reason = isTimeout(info.error) ? 'no response in time' : (info.error?.message ?? info.errorType);
      const retryAfter = Math.max(0, (info.retryAfterHint?.getTime() ?? 0) - Date.now());
      const mayRetry = await retrier.waitForRetry({
        what,
        attempt,
        reason,
        retryable,
        retryAfter,
        signal,
      });
      if (!mayRetry) throw info.error ?? new Error(reason);
      return next(attempt);
    },
    recordSuccess: (token) => limiter.recordResult((token as RetryToken).startedAt, false),
  };
}

/**
 * Classifies an error. The SDK treats LimitExceededException as throttling, but it means an exhausted account quota.
 */
function retryableOf({ errorType, error }: RetryErrorInfo): Retryable {
  if (errorType === 'THROTTLING') return error?.name === 'LimitExceededException' ? 'no' : 'throttled';
  if (errorType === 'CLIENT_ERROR') return 'no';
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'ENOTFOUND') return 'no';
  // A SyntaxError means HTML from another server. A timeout of half a minute rarely passes.
  return code === 'ECONNREFUSED' || error?.name === 'SyntaxError' || isTimeout(error) ? 'few' : 'yes';
}
