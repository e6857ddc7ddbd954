import { expect, test } from 'vitest';
import { isGood, type Judged, type LocatedUnmapped } from '../../../../evaluation/overrides/judge.ts';
import { chartsTable, faults, unmappedList } from '../../../../evaluation/overrides/report.ts';

const place = { chart: 'shop', profile: 'default', template: 'shop/templates/a.yaml', path: 'spec.image' };
const fixed: LocatedUnmapped = {
  ...place,
  reference: 'docker.io/library/busybox:latest',
  written: 'busybox',
  line: 3,
  isRefused: false,
};
const whole: Judged = {
  chart: 'shop',
  references: 2,
  rewritten: 2,
  unmapped: [],
  silent: [],
  changes: [],
  renders: 3,
  ratio: 4.25,
};
const moved = { unmapped: [], left: [] };
const left: Judged = { ...whole, rewritten: 1, unmapped: [fixed, fixed], after: moved, changed: moved };
const changed = { template: 't.yaml', document: 0, path: '["a"]', before: undefined, after: 'x' };

test('a reference counts once, and sums are in the last row', () => {
  const [, , first, second, sum] = chartsTable([whole, left]).split('\n');
  expect(first).toBe('| shop | 2 | 2 | 0 | 0 | 0 | 0 | 0 | 3 | 4.3 |');
  expect(second).toBe('| shop | 2 | 1 | 1 | 0 | 0 | 0 | 0 | 3 | 4.3 |');
  expect(sum).toBe('| **all** | 4 | 3 | 1 | 0 | 0 | 0 | 0 | 6 | median 4.3 |');
});

test.for([
  ['with the post-renderer', 'after', 4],
  ['with a changed chart', 'changed', 5],
] as const)('references that stay public %s count, reported or not; all of them if it failed', ([, key, column]) => {
  const cell = (one: Judged): string | undefined => chartsTable([one]).split('\n')[2]?.split(' | ')[column];
  const silent = 'docker.io/library/busybox:latest';
  expect(cell({ ...left, [key]: { unmapped: [silent], left: [silent] } })).toBe('1');
  expect(cell({ ...left, [key]: { unmapped: [], left: [silent] } })).toBe('1');
  expect(cell({ ...left, [key]: { unmapped: [], left: [], problem: 'no' } })).toBe('1');
});

test('unmapped references are listed once, with line and outcome', () => {
  expect(unmappedList([whole])).toBe('None.');
  const line = '* shop: `docker.io/library/busybox:latest` in shop/templates/a.yaml, line 3: hard-coded';
  expect(unmappedList([left])).toBe(`${line}; with the post-renderer: private; with a changed chart: private.`);
  const still = { unmapped: [], left: [fixed.reference] };
  expect(unmappedList([{ ...left, after: still, changed: { ...moved, problem: 'no' } }])).toBe(
    `${line}; with the post-renderer: public; with a changed chart: failed.`,
  );
});

test('only references that no value can map may be left', () => {
  expect([whole, left].map(isGood)).toEqual([true, true]);
  const lineless = { ...fixed, line: undefined };
  expect(isGood({ ...left, unmapped: [{ ...lineless, isRefused: true }] })).toBe(true);
  for (const bad of [
    { ...left, unmapped: [lineless] },
    { ...whole, silent: ['x'] },
    { ...whole, changes: [changed] },
    { ...whole, problem: 'no' },
  ]) {
    expect(isGood(bad)).toBe(false);
    expect(faults(bad)).toHaveLength(1);
  }
});

test('each fault has its location', () => {
  expect(faults(whole)).toEqual([]);
  expect(faults({ ...whole, changes: [changed] })).toEqual(['shop: other change: t.yaml ["a"]: nothing became x']);
});
