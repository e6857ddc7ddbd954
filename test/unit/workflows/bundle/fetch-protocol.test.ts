import { expect, test } from 'vitest';
import { concurrencyFor } from '../../../../src/workflows/bundle/fetch-protocol.ts';

test.each([
  ['nothing is known', 0, 32],
  ['the registry is next door', 2, 32],
  ['it is as far as near goes', 40, 32],
  ['it is farther', 60, 48],
  ['it is on another continent', 250, 64],
])('returns the concurrency for a latency: %s', (_what, distance, crowd) => {
  expect(concurrencyFor(distance, { near: 32, far: 64 })).toBe(crowd);
});

test('returns an explicit number for any latency', () => {
  expect([1, 100, 1000].map((distance) => concurrencyFor(distance, { near: 3, far: 3 }))).toEqual([3, 3, 3]);
});
