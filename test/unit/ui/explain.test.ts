import { expect, test } from 'vitest';
import { explainReport } from '../../../src/ui/explain.ts';
import type { Explained, Explanation } from '../../../src/workflows/explain.ts';

const rejected: Explained = {
  template: 'shop/templates/web.yaml',
  document: 0,
  kind: 'Service',
  name: 'web',
  path: 'spec.externalName',
  text: 'a.io/web:1',
  taken: false,
  because: 'it is a plain field of a Service',
  profiles: ['default', 'production'],
};
const taken: Explained = {
  ...rejected,
  path: 'data.conf',
  within: 'line 3',
  text: 'image a.io/web:1',
  hook: 'test',
  taken: true,
  reference: 'a.io/web:1',
  confidence: 'likely',
  how: 'config',
  because: 'it has a registry and a tag',
};

function explanation(occurrences: readonly Explained[], nested: readonly string[] = []): Explanation {
  return {
    text: 'a.io/web:1',
    charts: [{ name: 'shop', version: '1.0.0', profiles: ['default'], occurrences, nested }],
  };
}

test('what is taken comes first, each place with its reason', () => {
  expect(explainReport(explanation([rejected, taken]))).toBe(
    [
      'a.io/web:1 stands in 2 places of shop 1.0.0, taken in 1',
      '',
      '  taken  Service/web data.conf, line 3',
      '    shop/templates/web.yaml, profile default, production, hook test',
      '    text: image a.io/web:1',
      '    as a.io/web:1, likely (config)',
      '    because it has a registry and a tag',
      '',
      '  not taken  Service/web spec.externalName',
      '    shop/templates/web.yaml, profile default, production',
      '    because it is a plain field of a Service',
    ].join('\n'),
  );
});

test('too many places to read are counted', () => {
  const many = explainReport(explanation(Array.from({ length: 50 }, () => rejected)));
  expect(many.match(/not taken/g)).toHaveLength(40);
  expect(many).toMatch(/and 10 more \(-o json has them all\)$/);
});

test('a text that is nowhere is judged by itself, and charts that were not looked at are named', () => {
  const bare: Explanation['bare'] = {
    verdicts: [
      { evidence: 'typed', taken: true, reference: 'a.io/web:1', confidence: 'certain', because: 'Kubernetes says so' },
      { evidence: 'none', taken: false, because: 'nothing says so' },
    ],
    wants: ['as it is: a name'],
  };
  expect(explainReport({ ...explanation([], ['cache 1.0.0']), bare })).toBe(
    [
      'a.io/web:1 is not in what shop 1.0.0 renders (default)',
      'not looked at: the charts that it brings along (cache 1.0.0); name them as charts to see into them',
      '',
      'a.io/web:1 by itself:',
      '  as an image field of a pod spec     taken as a.io/web:1, certain: Kubernetes says so',
      '  where no name says so               not taken: nothing says so',
      '',
      'What it takes outside a pod spec:',
      '  as it is: a name',
    ].join('\n'),
  );
});
