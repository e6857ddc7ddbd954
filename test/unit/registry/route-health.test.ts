import { expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { RouteHealth } from '../../../src/registry/route-health.ts';

const named = { registry: 'quay.io', path: 'a' };
const route = (registry: string, path = 'a') => ({ named, actual: { registry, path } });
const [first, second, third] = [route('one.example'), route('two.example'), route('three.example')];
const down = new AirgapError('network', 'refused');
const failing = new AirgapError('registry', '503', { isTransient: true });

it('routes that refuse access come after those that answer, and silent hosts after both', () => {
  const health = new RouteHealth();
  expect(health.order([first, second, third])).toEqual({ routes: [first, second, third], lastExpected: third });
  health.recordFailure(first, down);
  health.recordFailure(second, new AirgapError('forbidden', '403'));
  expect(health.order([first, second, third])).toEqual({ routes: [third, second, first], lastExpected: third });
  expect(health.order([first, second])).toEqual({ routes: [second, first], lastExpected: second });
  expect(health.order([first])).toEqual({ routes: [first], lastExpected: first });
  // Another repository of the host may be accessible.
  expect(health.order([route('two.example', 'b'), third]).lastExpected).toBe(third);
});

it('a silent host is not asked again for half a minute', () => {
  let now = 0;
  const health = new RouteHealth(() => now);
  health.recordFailure(first, down);
  expect([health.pausedBy(first), health.pausedBy(second)]).toEqual([down, undefined]);
  now = 30_000;
  expect([health.pausedBy(first), health.isSilent(first)]).toEqual([undefined, true]);
});

it('three server errors in a row make a host silent, missing content does not', () => {
  const health = new RouteHealth();
  const missing = new AirgapError('image-not-found', '404');
  for (const error of [failing, failing, missing, failing, failing]) health.recordFailure(first, error);
  expect(health.isSilent(first)).toBe(false);
  health.recordAnswer(first);
  for (const error of [failing, failing, failing]) health.recordFailure(first, error);
  expect(health.isSilent(first)).toBe(true);
});
