import { describe, expect, it } from 'vitest';
import { rateLimitOf } from '../../../src/http/rate-limit.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

describe('rate limit headers', () => {
  it.each([
    ['none', {}, {}],
    [
      'Docker Hub',
      { 'ratelimit-limit': '10;w=21600', 'ratelimit-remaining': '0;w=21600' },
      { limit: 10, remaining: 0, window: 21600 },
    ],
    [
      'GitLab: a time',
      { 'ratelimit-limit': '60', 'ratelimit-remaining': '0', 'ratelimit-reset': String(NOW / 1000 + 30) },
      { limit: 60, remaining: 0, wait: 30_000 },
    ],
    ['the draft: a duration', { 'ratelimit-remaining': '0', 'ratelimit-reset': '30' }, { remaining: 0, wait: 30_000 }],
    ['GitHub', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '5' }, { remaining: 0, wait: 5000 }],
    ['a reset while requests remain', { 'ratelimit-remaining': '7', 'ratelimit-reset': '30' }, { remaining: 7 }],
    [
      'a reset and Retry-After, which takes precedence',
      { 'ratelimit-remaining': '0', 'ratelimit-reset': '30', 'retry-after': '2' },
      { remaining: 0, wait: 2000 },
    ],
    ['a reset in the past', { 'ratelimit-remaining': '0', 'ratelimit-reset': '1000000001' }, { remaining: 0, wait: 0 }],
    ['nonsense', { 'ratelimit-remaining': 'plenty', 'ratelimit-limit': '-1', 'retry-after': 'soon' }, {}],
    ['a repeated header', { 'ratelimit-remaining': ['3', '4'] }, { remaining: 3 }],
  ])('are parsed: %s', (_, headers, expected) => {
    expect(rateLimitOf(headers, NOW)).toEqual(expected);
  });
});
