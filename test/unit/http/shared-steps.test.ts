import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { createSharedSteps, whileSlow } from '../../../src/http/shared-steps.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function steps() {
  const events: AirgapEvent[] = [];
  const shared = createSharedSteps((event) => events.push(event));
  /** Titles of begun steps and `-` for each ended one. */
  const told = async (): Promise<string[]> => {
    await vi.advanceTimersByTimeAsync(0);
    return events.map((event) => ('title' in event ? event.title : '-'));
  };
  return { ...shared, told };
}

test('waits for one thing are one step, until the last one ends', async () => {
  const { begin, told } = steps();
  const ends = ['first', 'second'].map((title) => begin('quay.io', title));
  expect(await told()).toEqual(['first']);
  ends[0]?.();
  ends[0]?.();
  expect(await told()).toEqual(['first']);
  ends[1]?.();
  expect(await told()).toEqual(['first', '-']);
  begin('quay.io', 'third');
  begin('ghcr.io', 'fourth');
  expect(await told()).toEqual(['first', '-', 'third', 'fourth']);
});

test('work is a step only while it is slow, also if it fails', async () => {
  const { begin, told } = steps();
  const wait = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => setTimeout(() => resolve(), milliseconds));
  const quick = whileSlow(wait(1999), 2000, () => begin('a', 'quick'));
  const slow = whileSlow(wait(5000), 2000, () => begin('b', 'slow'));
  const failing = whileSlow(
    wait(9000).then(() => Promise.reject(new Error('failed'))),
    2000,
    () => begin('c', 'failing'),
  ).catch(() => {});
  await vi.advanceTimersByTimeAsync(4000);
  await quick;
  expect(await told()).toEqual(['slow', 'failing']);
  await vi.advanceTimersByTimeAsync(9000);
  await Promise.all([slow, failing]);
  expect(await told()).toEqual(['slow', 'failing', '-', '-']);
});
