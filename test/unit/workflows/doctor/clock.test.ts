import { expect, it } from 'vitest';
import { checkClock } from '../../../../src/workflows/doctor/clock.ts';

const minutes = (n: number) => [{ host: 'r.example', skew: n * 60_000 }];

it.each([
  [0, 'good'],
  [-0.9, 'good'],
  [1.1, 'not-known'],
  [-4.9, 'not-known'],
  [5.1, 'bad'],
  [-600, 'bad'],
] as const)('a difference of %d minutes is %s', (n, status) => {
  const { hint, ...finding } = checkClock(minutes(n));
  expect(finding).toMatchObject({ check: 'clock', status });
  expect(hint === undefined).toBe(status === 'good');
});

it('the largest difference counts', () => {
  expect(checkClock([...minutes(0.1), { host: 's.example', skew: -900_000 }])).toMatchObject({
    status: 'bad',
    message: expect.stringMatching(/ahead of s\.example/),
  });
});

it('is not known without a server', () => {
  expect(checkClock([]).status).toBe('not-known');
});
