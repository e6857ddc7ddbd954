import { expect, test } from 'vitest';
import { isGood, type Judged, type PlacedResidue } from '../../../proof/judge.ts';
import { chartsTable, faults, residueList } from '../../../proof/report.ts';

const place = { chart: 'shop', profile: 'default', template: 'shop/templates/a.yaml', path: 'spec.image' };
const fixed: PlacedResidue = {
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
  residue: [],
  silent: [],
  changes: [],
  renders: 3,
  ratio: 4.25,
};
const moved = { residue: [], left: [] };
const left: Judged = { ...whole, rewritten: 1, residue: [fixed, fixed], after: moved, changed: moved };
const changed = { template: 't.yaml', document: 0, path: '["a"]', before: undefined, after: 'x' };

test('a reference counts once, and sums are below', () => {
  const [, , first, second, sum] = chartsTable([whole, left]).split('\n');
  expect(first).toBe('| shop | 2 | 2 | 0 | 0 | 0 | 0 | 0 | 3 | 4.3 |');
  expect(second).toBe('| shop | 2 | 1 | 1 | 0 | 0 | 0 | 0 | 3 | 4.3 |');
  expect(sum).toBe('| **all** | 4 | 3 | 1 | 0 | 0 | 0 | 0 | 6 | median 4.3 |');
});

test.for([
  ['behind the post-renderer', 'after', 4],
  ['with a changed chart', 'changed', 5],
] as const)('what is left %s counts, named or not, and all of it when that failed', ([, key, column]) => {
  const cell = (one: Judged): string | undefined => chartsTable([one]).split('\n')[2]?.split(' | ')[column];
  const silent = 'docker.io/library/busybox:latest';
  expect(cell({ ...left, [key]: { residue: [silent], left: [silent] } })).toBe('1');
  expect(cell({ ...left, [key]: { residue: [], left: [silent] } })).toBe('1');
  expect(cell({ ...left, [key]: { residue: [], left: [], problem: 'no' } })).toBe('1');
});

test('residue is listed once with its line and what became of it', () => {
  expect(residueList([whole])).toBe('None.');
  const line = '* shop: `docker.io/library/busybox:latest` in shop/templates/a.yaml, line 3: hard-coded';
  expect(residueList([left])).toBe(`${line}; behind the post-renderer: moved; with a changed chart: moved.`);
  const still = { residue: [], left: [fixed.reference] };
  expect(residueList([{ ...left, after: still, changed: { ...moved, problem: 'no' } }])).toBe(
    `${line}; behind the post-renderer: still public; with a changed chart: failed.`,
  );
});

test('only what no value can move may be left', () => {
  expect([whole, left].map(isGood)).toEqual([true, true]);
  const lineless = { ...fixed, line: undefined };
  expect(isGood({ ...left, residue: [{ ...lineless, isRefused: true }] })).toBe(true);
  for (const bad of [
    { ...left, residue: [lineless] },
    { ...whole, silent: ['x'] },
    { ...whole, changes: [changed] },
    { ...whole, problem: 'no' },
  ]) {
    expect(isGood(bad)).toBe(false);
    expect(faults(bad)).toHaveLength(1);
  }
});

test('each fault has its place', () => {
  expect(faults(whole)).toEqual([]);
  expect(faults({ ...whole, changes: [changed] })).toEqual(['shop: other change: t.yaml ["a"]: nothing became x']);
});
