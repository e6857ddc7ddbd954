import { expect, test } from 'vitest';
import type { LocatedReference } from '../../../../src/inventory/finding.ts';
import { roleByKeys, roleOf, strongestRole } from '../../../../src/workflows/public-ecr/roles.ts';

const DEPLOYMENT = { need: 'install', kind: 'Deployment', path: 'spec.template.spec.containers[0].image' } as const;

test.each<[string, Partial<LocatedReference>, string]>([
  ['a container', {}, 'runs'],
  ['an init container', { path: 'spec.template.spec.initContainers[0].image' }, 'helps'],
  ['an ephemeral container', { path: 'spec.ephemeralContainers[0].image', kind: 'Pod' }, 'helps'],
  ['a Job', { kind: 'Job' }, 'helps'],
  ['a CronJob', { kind: 'CronJob' }, 'helps'],
  ['a hook', { hook: 'pre-install', kind: 'Pod' }, 'helps'],
  ['a hook of a deletion', { need: 'lifecycle', kind: 'Pod' }, 'helps'],
  ['helm test', { need: 'test', hook: 'test', kind: 'Pod' }, 'tests'],
  ['an operand', { need: 'operand' }, 'runs'],
])('%s', (_, location, expected) => {
  expect(roleOf({ ...DEPLOYMENT, ...location })).toBe(expected);
});

test.each<[(string | number)[], string]>([
  [['image', 'repository'], 'runs'],
  [['tests', 'image'], 'tests'],
  [['helmTest', 'image', 'repository'], 'tests'],
  [['initChownData', 'image'], 'helps'],
  [['jobs', 0, 'image'], 'helps'],
  [['upgradeJob', 'image'], 'helps'],
  [['latest', 'image'], 'runs'],
  [['initiator', 'image'], 'runs'],
])('keys %j', (keys, expected) => {
  expect(roleByKeys(keys)).toBe(expected);
});

test('the most important of several counts', () => {
  expect(strongestRole(['tests', 'helps', 'runs'])).toBe('runs');
  expect(strongestRole(['tests', 'helps'])).toBe('helps');
  expect(strongestRole([])).toBe('runs');
});
