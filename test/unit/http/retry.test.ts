import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { createRetrier, parseRetryAfter, RETRY_DEFAULTS, retryableStatus } from '../../../src/http/retry.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const quick = { ...RETRY_DEFAULTS, baseDelay: 1, maxDelay: 2 };

describe('Retry-After', () => {
  it.each([
    ['3', 3000],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('%s means %s milliseconds', (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });
});

describe('a retry', () => {
  it('is made after transient statuses', () => {
    const passing = [408, 425, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524];
    for (const status of passing) expect(retryableStatus(status)).toBe('yes');
    for (const status of [200, 400, 401, 403, 404, 405, 409, 501, 507, 525, 526])
      expect(retryableStatus(status)).toBe('no');
  });

  it('is made more often for a throttling server than for a failing one, and less often for refused connections', async () => {
    const retrier = createRetrier({ ...quick, attempts: 5, throttledAttempts: 9 }, () => {});
    const count = async (retryable: 'yes' | 'few' | 'throttled' | 'no'): Promise<number> => {
      let attempt = 1;
      while (await retrier.waitForRetry({ what: 'x', attempt, reason: 'y', retryable })) attempt++;
      return attempt;
    };
    expect([await count('no'), await count('few'), await count('yes'), await count('throttled')]).toEqual([1, 3, 5, 9]);
  });

  it('is reported with its reason', async () => {
    const events: AirgapEvent[] = [];
    const retrier = createRetrier(quick, (event) => events.push(event));
    await retrier.waitForRetry({ what: 'quay.io/a/b:1', attempt: 1, reason: 'quay.io returned 503', retryable: 'yes' });
    expect(events).toEqual([{ type: 'retry', what: 'quay.io/a/b:1', attempt: 1, reason: 'quay.io returned 503' }]);
  });

  it('is a step if it waits for seconds, one for all requests with the same reason', async () => {
    const events: AirgapEvent[] = [];
    const retrier = createRetrier({ ...quick }, (event) => events.push(event));
    const signal = AbortSignal.timeout(5);
    const failed = { attempt: 1, reason: 'quay.io returned 429', retryable: 'throttled', retryAfter: 30_000 } as const;
    await Promise.all(['a', 'b'].map((what) => retrier.waitForRetry({ ...failed, what, signal })));
    const steps = events.filter(({ type }) => type.startsWith('step'));
    expect(steps).toMatchObject([{ title: expect.stringMatching(/3[01] s.*quay\.io.*429/) }, { type: 'step-end' }]);
  });

  it('is not made when Retry-After exceeds the maximum', async () => {
    const retrier = createRetrier({ ...quick, maxRetryAfter: 1000 }, () => {});
    const failedAttempt = { what: 'x', attempt: 1, reason: 'y', retryable: 'throttled' } as const;
    expect(await retrier.waitForRetry({ ...failedAttempt, retryAfter: 3_600_000 })).toBe(false);
  });

  it('is not made after an interrupt during the delay', async () => {
    const retrier = createRetrier({ ...RETRY_DEFAULTS, baseDelay: 60_000, maxDelay: 60_000 }, () => {});
    const signal = AbortSignal.timeout(5);
    expect(await retrier.waitForRetry({ what: 'x', attempt: 1, reason: 'y', retryable: 'yes', signal })).toBe(false);
  });
});
