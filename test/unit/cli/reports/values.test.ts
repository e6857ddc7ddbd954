import { expect, it } from 'vitest';
import { formatReport, proofReport, umbrellaReport } from '../../../../src/cli/reports/values.ts';
import type { Overrides } from '../../../../src/workflows/values/values.ts';

const unmapped = {
  reference: 'quay.io/a/b:1',
  chart: 'web',
  profile: 'default',
  template: 'web/templates/a.yaml',
  path: 'spec.image',
  written: 'a/b:1',
};

it('shows the proof of each chart of an umbrella chart, and unmapped references', () => {
  const report = umbrellaReport({
    chart: 'app',
    version: '1.0.0',
    profile: 'default',
    overrides: {},
    yaml: '',
    proofs: [
      { chart: 'app', version: '1.0.0', entry: '', proof: { references: 1, rewritten: 1, residue: [] } },
      {
        chart: 'web',
        version: '2.0.0',
        entry: 'charts.web.values',
        proof: { references: 3, rewritten: 2, residue: [unmapped] },
      },
    ],
    copied: ['charts.web.list'],
    left: ['chart x is named by Application y'],
    notInBundle: ['quay.io/a/c:1'],
  });
  const lines = report.split('\n');
  expect(lines[0]).toMatch(/^app 1\.0\.0: 1 of 1 reference /);
  expect(lines[1]).toMatch(/^web 2\.0\.0 \(charts\.web\.values\): 2 of 3 references /);
  expect(lines[2]).toMatch(/^ {2}unmapped.*: quay\.io\/a\/b:1$/);
  expect(lines[3]).toMatch(/^ {4}web\/templates\/a\.yaml spec\.image .*a\/b:1$/);
  expect(lines[4]).toContain('charts.web.list');
  expect(lines[5]).toContain('chart x is named by Application y');
  expect(lines[6]).toMatch(/not in the bundle.*quay\.io\/a\/c:1$/);
  expect(lines).toHaveLength(7);
});

it('names the place alone of an image that an operator chooses, which is in no template', () => {
  const path = 'bin/operator (byte 7: medium)';
  const residue = [{ ...unmapped, template: '', path, written: unmapped.reference }];
  const report = proofReport({
    chart: 'web',
    version: '1.0.0',
    proof: { references: 2, rewritten: 1, residue },
    copied: [],
    notInBundle: [],
  } as unknown as Overrides);
  expect(report.split('\n')).toContain(`    ${path}`);
});

it('counts the references of a list, and names those left out', () => {
  const allowed = [{ state: 'public-on-purpose' as const, reference: 'quay.io/a/c:1', reason: 'why' }];
  const report = formatReport({
    files: [],
    charts: ['app 1.0.0'],
    references: 2,
    left: ['quay.io/a/b:1: no'],
    allowed,
    notKnown: [],
  });
  expect(report).toMatch(
    /^2 references .*app 1\.0\.0\n.*public on purpose: quay\.io\/a\/c:1 \(why\)\n.*quay\.io\/a\/b:1: no$/,
  );
});

it('cuts long lists that ask for nothing to be done, but not of what is still public or missing', () => {
  const names = Array.from({ length: 30 }, (_, i) => `quay.io/a/b:${i}`);
  const report = proofReport({
    chart: 'app',
    version: '1.0.0',
    proof: {
      references: 60,
      rewritten: 30,
      residue: names.map((reference) => ({
        ...unmapped,
        reference: `${reference}-public`,
        written: `${reference}-public`,
      })),
      pins: { pinned: 0, pinnable: 30, left: names.map((reference) => ({ ...unmapped, reference })) },
    },
    copied: [],
    notInBundle: names.map((reference) => `${reference}-missing`),
    moreInBundle: { references: names, profiles: [] },
  } as unknown as Overrides);
  expect(report.match(/and 20 more \(-o json/g)).toHaveLength(2);
  for (const name of names) for (const end of ['public', 'missing']) expect(report).toContain(`${name}-${end}`);
  expect(report.split('\n').length).toBeLessThan(130);
});
