import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RateWatch, type ReceivedBytes } from '../../../src/http/minimum-rate.ts';

const rate = { bytes: 1000, window: 60_000 };
let received: ReceivedBytes;
let isPaused: boolean;
let ended: number;
let watch: RateWatch;

beforeEach(() => {
  vi.useFakeTimers();
  received = { bytes: 0 };
  isPaused = false;
  ended = 0;
  watch = new RateWatch(
    rate,
    received,
    () => isPaused,
    () => ended++,
  );
});
afterEach(() => {
  vi.useRealTimers();
});

function pass(seconds: number, bytesASecond: number, count: (bytes: number) => void): void {
  for (let second = 0; second < seconds; second++) {
    count(bytesASecond);
    vi.advanceTimersByTime(1000);
  }
}

describe('a response', () => {
  it('that is too slow ends after the first window', () => {
    pass(59, 1, (bytes) => watch.count(bytes));
    expect(ended).toBe(0);
    pass(200, 1, (bytes) => watch.count(bytes));
    expect(ended).toBe(1);
  });

  it('that becomes too slow ends after the next window', () => {
    pass(120, 100, (bytes) => watch.count(bytes));
    expect(ended).toBe(0);
    pass(121, 1, (bytes) => watch.count(bytes));
    expect(ended).toBe(1);
  });

  it('is not ended while others make progress, as on a slow line', () => {
    const other = (bytes: number): void => {
      received.bytes += bytes;
    };
    pass(600, 20, other);
    expect(ended).toBe(0);
    pass(121, 1, other);
    expect(ended).toBe(1);
  });

  it('is not ended while its reader is paused', () => {
    isPaused = true;
    pass(600, 0, () => {});
    isPaused = false;
    pass(30, 0, () => {});
    watch.pause();
    expect(ended).toBe(0);
    watch.stop();
    pass(600, 0, () => {});
    expect(ended).toBe(0);
  });
});
