import { expect, test } from 'vitest';
import { explainReport } from '../../../../src/cli/reports/explain.ts';
import type { ExplainedOccurrence, ExplainResult } from '../../../../src/workflows/images/explain.ts';

const rejected: ExplainedOccurrence = {
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
const taken: ExplainedOccurrence = {
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

function explanation(occurrences: readonly ExplainedOccurrence[], nested: readonly string[] = []): ExplainResult {
  return {
    text: 'a.io/web:1',
    charts: [{ name: 'shop', version: '1.0.0', profiles: ['default'], occurrences, nested }],
  };
}

test('occurrences taken as images come first, each with its reason', async () => {
  await expect(explainReport(explanation([rejected, taken]))).toMatchFileSnapshot('golden/explain.txt');
});

test('counts the occurrences beyond the limit', () => {
  const many = explainReport(explanation(Array.from({ length: 50 }, () => rejected)));
  expect(many.match(/not taken/g)).toHaveLength(40);
  expect(many).toMatch(/and 10 more .*-o json.*$/);
});

test('judges a text that occurs nowhere on its own, and names charts that were not searched', async () => {
  const bare: ExplainResult['bare'] = {
    verdicts: [
      { evidence: 'typed', taken: true, reference: 'a.io/web:1', confidence: 'certain', because: 'Kubernetes says so' },
      { evidence: 'none', taken: false, because: 'nothing says so' },
    ],
    wants: ['as it is: a name'],
  };
  const text = explainReport({ ...explanation([], ['cache 1.0.0']), bare });
  for (const fact of ['shop 1.0.0', '(cache 1.0.0)', 'a.io/web:1, certain: Kubernetes says so', 'as it is: a name'])
    expect(text).toContain(fact);
  await expect(text).toMatchFileSnapshot('golden/explain-bare.txt');
});
