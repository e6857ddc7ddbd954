import { expect, test } from 'vitest';
import { faults, type Measured, scoreOf, tableOf, totalsOf } from '../../../../evaluation/operator-scan/score.ts';

const operator = { name: 'redis', version: '1.2.4', image: 'quay.io/a/operator:1' };
const found = (reference: string, confidence: string, kind = 'literal') => ({ reference, confidence, kind });
const truth = ['docker.io/a/whole:1', 'docker.io/a/joined:1', 'docker.io/a/low:1', 'docker.io/a/absent:1'];

function measured(more: Partial<Measured> = {}): Measured {
  const candidates = [
    found('docker.io/a/whole:1', 'high'),
    found('docker.io/a/joined:1', 'medium', 'recombined'),
    found('docker.io/a/low:1', 'low'),
    found('docker.io/a/extra:1', 'medium'),
    found('docker.io/a/unlikely:1', 'low'),
    found(operator.image, 'high'),
  ] as unknown as Measured['candidates'];
  const cost = { seconds: 1, cpu: 1.5, peak: 100e6, held: 2e6 };
  return { candidates, requests: 7, programBytes: 50e6, textBytes: 50e6, ...cost, ...more };
}

const score = (more?: Partial<Measured>) => scoreOf(operator, truth, measured(more));

test('findings are counted by how the image is found; the operator itself and low confidence are no extras', () => {
  expect(score()).toMatchObject({
    whole: ['docker.io/a/whole:1'],
    recombined: ['docker.io/a/joined:1'],
    low: ['docker.io/a/low:1'],
    absent: ['docker.io/a/absent:1'],
    extras: ['docker.io/a/extra:1'],
    high: 1,
    falseHigh: [],
  });
  expect(tableOf([score()]).split('\n')[2]).toBe(
    '| redis 1.2.4 | 4 | 1 | 1 | 1 | 1 | 0 | 1 | 7 | 1.00 | 1.50 | 50 | 2.0 |',
  );
  expect(totalsOf([score(), score({ held: 3e6 })])).toMatch(/^4 of 8 .* 2 more .* 0 of 2 .* 3\.0 MB/);
});

test('goals are met at their limits', () => {
  expect(faults([score({ cpu: 1.5, peak: 150e6 })])).toEqual([]);
});

test.each([
  ['processor time', { cpu: 1.51 }],
  ['memory', { peak: 151e6 }],
])('too much %s is a fault', (_, more) => {
  expect(faults([score(more)])).toHaveLength(1);
});

test('more than one wrong finding in twenty with high confidence is a fault', () => {
  const high = (count: number, wrong: number) => {
    const names = Array.from({ length: count }, (_, i) => `docker.io/b/${i}:1`);
    const candidates = names.map((name) => found(name, 'high')) as unknown as Measured['candidates'];
    return scoreOf(operator, names.slice(wrong), measured({ candidates }));
  };
  expect(faults([high(20, 1)])).toEqual([]);
  expect(faults([high(19, 1)])).toHaveLength(1);
});
