import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { awsRetryStrategy } from '../../../src/ecr/retry-strategy.ts';
import { createRateLimiters } from '../../../src/http/rate-limiter.ts';
import { RETRY_DEFAULTS } from '../../../src/http/retry.ts';

/** Calls the strategy as the SDK does for one request with these failures. */
async function send(strategy: ReturnType<typeof awsRetryStrategy>, failures: readonly object[]): Promise<number> {
  let token = await strategy.acquireInitialRetryToken('');
  for (const [index, failure] of failures.entries()) {
    const error = Object.assign(new Error('no'), { $fault: 'client', $metadata: {}, ...failure } as const);
    const { errorType = 'THROTTLING' } = failure as { errorType?: 'THROTTLING' | 'TRANSIENT' | 'CLIENT_ERROR' };
    token = await strategy.refreshRetryTokenForRetry(token, { error: error as never, errorType });
    expect(token.getRetryCount()).toBe(index + 1);
  }
  strategy.recordSuccess(token);
  return token.getRetryCount();
}

const throttled = { name: 'ThrottlingException' };

describe('the retry strategy for AWS', () => {
  it('has no shared budget, unlike that of the SDK', async () => {
    let now = 0;
    const wait = async (milliseconds: number): Promise<void> => {
      now += milliseconds;
    };
    const policy = { ...RETRY_DEFAULTS, baseDelay: 0 };
    const strategy = awsRetryStrategy(
      'the API',
      {},
      { policy, rateLimiters: createRateLimiters({ now: () => now, wait }) },
    );
    const ends = await Promise.all(Array.from({ length: 300 }, () => send(strategy, [throttled, throttled])));
    expect(new Set(ends)).toEqual(new Set([2]));
    expect(now, 'milliseconds').toBeGreaterThan(1000);
  });

  it.each([
    ['an exhausted account quota', { name: 'LimitExceededException' }],
    ['a client error', { errorType: 'CLIENT_ERROR' }],
    ['an unknown host name', { errorType: 'TRANSIENT', code: 'ENOTFOUND' }],
  ])('does not retry after %s', async (_, failure) => {
    await expect(send(awsRetryStrategy('the API', {}), [failure])).rejects.toThrow('no');
  });

  it('ends on an interrupt, and reports retries', async () => {
    const events: AirgapEvent[] = [];
    const abort = new AbortController();
    const emit = (event: AirgapEvent): void => {
      events.push(event);
      abort.abort();
    };
    await expect(send(awsRetryStrategy('the API', { emit, signal: abort.signal }), [throttled])).rejects.toThrow('no');
    expect(events).toEqual([{ type: 'retry', what: 'the API', attempt: 1, reason: 'no' }]);
  });
});
