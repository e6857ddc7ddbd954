import { expect, test } from 'vitest';
import { assertNothingNew, tagsTables } from '../../../../evaluation/speed/tags.ts';

const cost = { wall: 1.25, cpu: 2, memory: 99.6, disk: 0 };
const step = { title: 'again', cost, source: { 'GET tags': 3 }, target: { 'HEAD manifest': 7 } };

test('requests are shown for both sides', () => {
  const [costs = '', , requests = ''] = tagsTables([step]);
  expect(costs.split('\n')[2]).toBe('| again | 1.3 | 2.0 | 100 |');
  expect(requests.split('\n').filter((_, index) => index !== 1)).toEqual([
    '|  | GET tags | HEAD manifest |',
    '| again | 3 / 0 | 0 / 7 |',
  ]);
});

test('a run with nothing new neither reads content nor writes', () => {
  assertNothingNew(step);
  for (const request of ['GET manifest', 'GET blob', 'HEAD blob', 'PUT manifest', 'POST start', 'PATCH upload'])
    expect(() => assertNothingNew({ ...step, target: { [request]: 1 } })).toThrow(request);
});
