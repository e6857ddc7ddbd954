import { expect, test } from 'vitest';
import { type Occurrence, withOtherEvidence } from '../../../../src/discovery/explain/index.ts';
import type { PlaceFound } from '../../../../src/discovery/index.ts';

const at = { template: 'app/templates/a.yaml', document: 0, kind: 'Deployment', name: 'd', path: 'spec.args[0]' };
const occurrence: Occurrence = { ...at, text: 'run org/web', taken: false, because: 'no tag' };
const place: PlaceFound = {
  ...at,
  chart: 'app',
  profile: 'default',
  how: 'influence',
  written: 'org/web',
  values: ['web.image'],
  reference: 'docker.io/org/web:latest',
  confidence: 'likely',
  need: 'operand',
};

test('a reference traced from marked values replaces the rejection at its location', () => {
  expect(withOtherEvidence([occurrence], [place], 'org/web')).toMatchObject([
    { taken: true, how: 'influence', because: expect.stringContaining('web.image') },
  ]);
});

test('other occurrences are unchanged, and references of rules and lists are added', () => {
  const elsewhere = { ...occurrence, path: 'spec.args[1]' };
  const rule: PlaceFound = { ...place, how: 'operator-rule', within: 'rule op: web' };
  const listed: PlaceFound = { ...place, how: 'declared' };
  const found = withOtherEvidence([elsewhere], [rule, listed, { ...place, how: 'env' }], 'library');
  expect(found).toEqual([elsewhere]);
  expect(withOtherEvidence([elsewhere], [rule, listed], 'web:latest').map(({ because }) => because)).toEqual([
    'no tag',
    expect.stringContaining('rule op: web'),
    expect.stringContaining('chart'),
  ]);
});
