import { expect, it } from 'vitest';
import { aggregateReport, formatReport } from '../../../src/ui/format-reports.ts';

const residue = {
  reference: 'quay.io/a/b:1',
  chart: 'web',
  profile: 'default',
  template: 'web/templates/a.yaml',
  path: 'spec.image',
  written: 'a/b:1',
};

it('an aggregate is told chart by chart, with what is left', () => {
  const report = aggregateReport({
    chart: 'app',
    version: '1.0.0',
    profile: 'default',
    overrides: {},
    yaml: '',
    parts: [
      { chart: 'app', version: '1.0.0', entry: '', proof: { references: 1, rewritten: 1, residue: [] } },
      {
        chart: 'web',
        version: '2.0.0',
        entry: 'charts.web.values',
        proof: { references: 3, rewritten: 2, residue: [residue] },
      },
    ],
    copied: ['charts.web.list'],
    left: ['chart x is named by Application y'],
    notInBundle: ['quay.io/a/c:1'],
  });
  expect(report).toBe(`app 1.0.0: 1 of 1 reference private, proved by rendering
web 2.0.0 (charts.web.values): 2 of 3 references private, proved by rendering
  still public: quay.io/a/b:1
    web/templates/a.yaml spec.image has a/b:1
  taken over whole from your values, with any secret in them: charts.web.list
  not moved: chart x is named by Application y
  not in the bundle: quay.io/a/c:1`);
});

it('a list of references says of what, and what it leaves out', () => {
  const report = formatReport({ files: [], charts: ['app 1.0.0'], references: 2, left: ['quay.io/a/b:1: no'] });
  expect(report).toBe('2 references of app 1.0.0\n  left out: quay.io/a/b:1: no');
});
