import type { Dispatcher } from 'undici';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { exchange } from '../../../src/http/exchange.ts';
import { DEFAULT_MINIMUM_RATE } from '../../../src/http/minimum-rate.ts';

type Handler = Required<Dispatcher.DispatchHandler>;
const controller = { abort: () => {} } as unknown as Dispatcher.DispatchController;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Starts a request whose answer the test decides. `told` lists when the wait for it began and ended. */
function started(): { handler: Handler; told: string[]; answer: Promise<unknown> } {
  const told: string[] = [];
  let handler: Handler | undefined;
  const dispatch = (_: unknown, given: Handler): void => {
    handler = given;
  };
  const answer = exchange({ dispatch } as unknown as Dispatcher, {
    method: 'GET',
    url: new URL('https://quay.io/v2/'),
    headers: {},
    what: 'quay.io',
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    minimumRate: DEFAULT_MINIMUM_RATE,
    received: { bytes: 0 },
    onSlowResponse: () => {
      told.push('begin');
      return () => told.push('end');
    },
  });
  if (handler === undefined) throw new Error('not dispatched');
  handler.onRequestStart(controller, undefined);
  return { handler, told, answer };
}

it('an answer within 10 s is no wait', async () => {
  const { handler, told, answer } = started();
  vi.advanceTimersByTime(9999);
  handler.onResponseStart(controller, 200, {}, 'OK');
  await answer;
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
});

it('a slow answer is waited for, until its headers arrive', async () => {
  const { handler, told, answer } = started();
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual(['begin']);
  handler.onResponseStart(controller, 200, {}, 'OK');
  await answer;
  expect(told[1]).toBe('end');
});

it('a wait ends with the failure of the request', async () => {
  const { handler, told, answer } = started();
  vi.advanceTimersByTime(10_000);
  handler.onResponseError(controller, new Error('reset'));
  await expect(answer).rejects.toThrow('reset');
  expect(told[1]).toBe('end');
});
