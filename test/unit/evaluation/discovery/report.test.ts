import { expect, test } from 'vitest';
import { chartsTable, faults, speedTable, totalsTable } from '../../../../evaluation/discovery/report.ts';
import type { Score } from '../../../../evaluation/discovery/score.ts';

const nothing = { expected: [], missed: [] };
const wrong = {
  reference: 'quay.io/a/wrong:1',
  confidence: 'likely',
  written: [],
  locations: ['x.yaml env'],
} as const;
const trap = { reference: 'docker.io/library/rel:80', confidence: 'certain', written: [], locations: [] } as const;
const half: Score = {
  chart: 'shop-1.0.0',
  own: { expected: ['quay.io/a/b:1', 'quay.io/a/c:1'], missed: ['quay.io/a/c:1'] },
  operator: { expected: ['quay.io/a/operand:1'], missed: [] },
  child: nothing,
  falsePositives: [wrong, trap],
  traps: [trap],
};

test('a chart is one line, with empty cells where there is nothing to find', () => {
  expect(chartsTable([half]).split('\n')[2]).toBe('| shop-1.0.0 | 2 | 1 | 1 | 2 | 1 | 1/1 |  |');
});

test('a total is one line for each search', () => {
  const [, , mine, other] = totalsTable({ mine: [half, half], other: [] }).split('\n');
  expect(mine).toBe('| mine | 2/4 | 50.00 % | 4 | 33.33 % | 2 | 2/2 | 0/0 |');
  expect(other).toBe('| other | 0/0 | 100.00 % | 0 | 100.00 % | 0 | 0/0 | 0/0 |');
});

test('misses and false positives are listed with their locations', () => {
  const locations = new Map([['quay.io/a/c:1', ['Deployment/shop env TOOL']]]);
  const unsure = { reference: 'quay.io/a/c:1', confidence: 'possible', written: [], locations: [] } as const;
  expect(faults(half, [wrong, trap, unsure], locations)).toEqual([
    'shop-1.0.0: missed: quay.io/a/c:1 (found as possible)\n    at Deployment/shop env TOOL',
    'shop-1.0.0: false positive: quay.io/a/wrong:1\n    at x.yaml env',
    'shop-1.0.0: trap: docker.io/library/rel:80',
  ]);
});

test('ratios are computed within a round', () => {
  const costs = (...walls: number[]) => walls.map((wall) => ({ wall, cpu: wall * 2, memory: 0, disk: 0 }));
  const table = speedTable(
    { 'one by one': costs(10, 20, 10), 'at once': costs(5, 10, 10), images: costs(20, 60, 10), nested: costs(1, 1, 1) },
    2,
  );
  const row = table.split('\n').find((each) => each.includes('--no-nested-charts'));
  expect(row).toMatch(/\| 20\.00 \| 40\.00 \| \*\*2\.00\*\* \(1\.00–3\.00\) \| \*\*4\.00\*\* \(1\.00–6\.00\) \|/);
});
