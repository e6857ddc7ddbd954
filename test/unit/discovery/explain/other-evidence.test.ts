import { expect, test } from 'vitest';
import { type Occurrence, withOtherEvidence } from '../../../../src/discovery/explain/index.ts';
import type { LocatedReference } from '../../../../src/discovery/index.ts';

const location = { template: 'app/templates/a.yaml', document: 0, kind: 'Deployment', name: 'd', path: 'spec.args[0]' };
const occurrence: Occurrence = { ...location, text: 'run org/web', taken: false, because: 'no tag' };
const located: LocatedReference = {
  ...location,
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
  expect(withOtherEvidence([occurrence], [located], 'org/web')).toMatchObject([
    { taken: true, how: 'influence', because: expect.stringContaining('web.image') },
  ]);
});

test('other occurrences are unchanged, and references of rules and lists are added', () => {
  const otherArgument = { ...occurrence, path: 'spec.args[1]' };
  const rule: LocatedReference = { ...located, how: 'operator-rule', within: 'rule op: web' };
  const listed: LocatedReference = { ...located, how: 'declared' };
  const found = withOtherEvidence([otherArgument], [rule, listed, { ...located, how: 'env' }], 'library');
  expect(found).toEqual([otherArgument]);
  expect(withOtherEvidence([otherArgument], [rule, listed], 'web:latest').map(({ because }) => because)).toEqual([
    'no tag',
    expect.stringContaining('rule op: web'),
    expect.stringContaining('chart'),
  ]);
});
