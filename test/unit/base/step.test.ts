import { expect, test } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { runStep } from '../../../src/base/step.ts';

function recorder() {
  const events: AirgapEvent[] = [];
  return { events, emit: (event: AirgapEvent) => void events.push(event) };
}

test('tells begin, progress and end in this order, and returns the result of the work', async () => {
  const { events, emit } = recorder();
  const work = async (advance: () => void): Promise<string> => {
    advance();
    advance();
    return 'done';
  };
  expect(await runStep(emit, 'counting sheep', work, 2)).toBe('done');
  const step = expect.any(String);
  expect(events).toEqual([
    { type: 'step', step, title: 'counting sheep', total: 2 },
    { type: 'step-progress', step, done: 1 },
    { type: 'step-progress', step, done: 2 },
    { type: 'step-end', step },
  ]);
});

test('has no total unless one is given', async () => {
  const { events, emit } = recorder();
  await runStep(emit, 'waiting', async () => {});
  expect(events[0]).not.toHaveProperty('total');
});

test('ends after an error, also one that is thrown at once', async () => {
  const { events, emit } = recorder();
  const later = async (): Promise<never> => Promise.reject(new Error('later'));
  const atOnce = (): Promise<never> => {
    throw new Error('at once');
  };
  await expect(runStep(emit, 'failing', later)).rejects.toThrow('later');
  await expect(runStep(emit, 'failing', atOnce)).rejects.toThrow('at once');
  expect(events.map(({ type }) => type)).toEqual(['step', 'step-end', 'step', 'step-end']);
});

test('gives overlapping steps ids of their own', async () => {
  const { events, emit } = recorder();
  const inner = (): Promise<void> => runStep(emit, 'inner', async () => {});
  await runStep(emit, 'outer', () => Promise.all([inner(), inner()]));
  const ids = events.flatMap((event) => (event.type === 'step' ? [event.step] : []));
  const ends = events.flatMap((event) => (event.type === 'step-end' ? [event.step] : []));
  expect(new Set(ids).size).toBe(3);
  expect(ends.toSorted()).toEqual(ids.toSorted());
  expect(ends.at(-1)).toBe(ids[0]);
});
