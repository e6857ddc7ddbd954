import { describe, expect, test } from 'vitest';
import {
  chartsTable,
  disagreements,
  failuresList,
  stricterList,
  untriedList,
} from '../../../../evaluation/cluster/report.ts';
import type { Outcome, Tried } from '../../../../evaluation/cluster/try-chart.ts';

const nothing = { unmapped: [], installProblem: '', failed: [], waiting: [], publicImages: [] };

function tried(more: Partial<Outcome> = {}): Tried {
  const outcome = { images: 3, values: 0, install: 0, pods: 2, pulled: 2, ...nothing, ...more };
  return { chart: 'shop-1.0.0', seconds: 9.6, outcome };
}

describe('the cluster has what `values` has proved', () => {
  test.for([
    ['all were pulled, as values said', {}, true],
    ['one is public, as values said', { values: 3, publicImages: ['a:1'] }, true],
    ['all were pulled, and values refused something else', { values: 3, unmapped: ['b:1'] }, true],
    ['one could not be pulled', { failed: ['r.test/a:1'] }, false],
    ['one is public', { publicImages: ['a:1'] }, false],
    ['one was not decided', { waiting: ['shop/web main: no status'] }, false],
    ['Helm failed', { install: 1 }, false],
    ['there was no Pod', { pods: 0 }, false],
  ] as const)('%s', ([, outcome, isSame]) => {
    expect(disagreements([tried(outcome)])).toHaveLength(isSame ? 0 : 1);
  });

  test('a chart that was not tried is no disagreement', () => {
    expect(disagreements([{ chart: 'shop-1.0.0', seconds: 1, problem: 'it is broken' }])).toEqual([]);
  });
});

test('the table has the charts that were installed and their sums; the others are in a list', () => {
  const all = [tried(), tried({ failed: ['r.test/a:1'] }), { chart: 'old-1.0.0', seconds: 1, problem: 'it is broken' }];
  const rows = chartsTable(all).split('\n');
  expect(rows).toHaveLength(5);
  expect(rows.at(-1)).toBe('| **2 charts** | 6 |  |  | 4 | 4 | 1 | 0 | 20 |');
  expect(untriedList(all)).toBe('* old-1.0.0: it is broken.');
  expect(untriedList([tried()])).toBe('None.');
});

test('each image that is public or could not be pulled is listed once', () => {
  const outcome = { values: 3, failed: ['a:1', 'r.test/b:1'], publicImages: ['a:1'] };
  expect(failuresList([tried(outcome)]).split('\n')).toEqual([
    '* shop-1.0.0: `a:1` is public.',
    '* shop-1.0.0: no `r.test/b:1`.',
  ]);
  expect(failuresList([tried()])).toBe('None.');
});

test('what `values` refused is listed if all was pulled all the same', () => {
  expect(stricterList([tried({ values: 3, unmapped: ['b:1'] })])).toBe('* shop-1.0.0: `b:1`.');
  expect(stricterList([tried(), tried({ values: 3, unmapped: ['a:1'], publicImages: ['a:1'] })])).toBe('None.');
});
