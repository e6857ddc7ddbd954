import { describe, expect, it } from 'vitest';
import type { LocatedReference } from '../../../src/inventory/finding.ts';
import { applySelection } from '../../../src/search/selection.ts';

function located(reference: string, more: Partial<LocatedReference> = {}): LocatedReference {
  const location = {
    chart: 'a',
    profile: 'default',
    template: 'a/templates/a.yaml',
    document: 0,
    kind: 'Pod',
    name: 'p',
  };
  const what = { path: 'spec', how: 'pod-spec', written: reference, confidence: 'likely', need: 'install' } as const;
  return { ...location, ...what, reference, ...more };
}

const kafka = ['4.0', '4.1'].map((version) => located(`quay.io/acme/kafka:${version}`));

describe('selections', () => {
  it('exclude with a reason, and keep what is also included', () => {
    const { references, selections } = applySelection(
      kafka,
      {
        exclude: [{ pattern: 'quay.io/acme/kafka', reason: 'one version is used' }],
        include: [{ pattern: 'quay.io/acme/kafka:4.1' }],
      },
      [],
    );
    expect(references.map(({ reference, confidence }) => [reference, confidence])).toEqual([
      ['quay.io/acme/kafka:4.1', 'certain'],
    ]);
    expect(selections).toEqual([
      {
        rule: 'exclude',
        pattern: 'quay.io/acme/kafka',
        reason: 'one version is used',
        references: ['quay.io/acme/kafka:4.0'],
      },
      { rule: 'include', pattern: 'quay.io/acme/kafka:4.1', references: ['quay.io/acme/kafka:4.1'] },
    ]);
  });

  it('make a possible image certain', () => {
    const doubtful = located('quay.io/acme/extra:1', { confidence: 'possible', need: 'optional' });
    const { references } = applySelection([doubtful], { include: [{ pattern: 'quay.io/acme/*' }] }, []);
    expect(references).toMatchObject([{ confidence: 'certain', need: 'optional' }]);
  });

  it('exclude tests, or all hooks, and list only images that have no other location', () => {
    const references = [
      located('quay.io/a/test:1', { need: 'test', hook: 'test' }),
      located('quay.io/a/migrate:1', { hook: 'pre-upgrade', need: 'lifecycle' }),
      located('quay.io/a/app:1', { hook: 'pre-install' }),
      located('quay.io/a/app:1'),
    ];
    const left = (some: { readonly references: readonly LocatedReference[] }): string[] =>
      some.references.map(({ reference }) => reference);
    const noTests = applySelection(references, { tests: false }, []);
    expect(left(noTests)).toEqual(['quay.io/a/migrate:1', 'quay.io/a/app:1', 'quay.io/a/app:1']);
    expect(noTests.selections).toEqual([{ rule: 'no-tests', references: ['quay.io/a/test:1'] }]);
    const noHooks = applySelection(references, { tests: false, hooks: false }, []);
    expect(left(noHooks)).toEqual(['quay.io/a/app:1']);
    expect(noHooks.selections).toEqual([{ rule: 'no-hooks', references: ['quay.io/a/migrate:1', 'quay.io/a/test:1'] }]);
  });

  it("exclude operators' defaults for resources of users with a reason, unless something else needs them", () => {
    const userMade = { userMade: true, confidence: 'possible', need: 'operand' } as const;
    const references = [
      located('quay.io/a/metrics:2', userMade),
      located('quay.io/a/alerts:1', userMade),
      located('quay.io/a/alerts:1'),
    ];
    expect(applySelection(references, {}, []).references).toHaveLength(3);
    const { references: left, selections } = applySelection(references, { operatorDefaults: false }, []);
    expect(left.map(({ reference }) => reference)).toEqual(['quay.io/a/alerts:1']);
    expect(selections).toEqual([
      {
        rule: 'exclude',
        reason: expect.stringContaining('--no-operator-defaults'),
        references: ['quay.io/a/metrics:2'],
      },
    ]);
  });

  it('list nested charts that a pattern excludes', () => {
    const { selections } = applySelection([], { exclude: [{ pattern: 'kyverno*' }] }, ['kyverno-policies', 'other']);
    expect(selections).toEqual([
      { rule: 'exclude', pattern: 'kyverno*', charts: ['kyverno-policies'], references: [] },
    ]);
  });
});
