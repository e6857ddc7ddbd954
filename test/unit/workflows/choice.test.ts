import { describe, expect, it } from 'vitest';
import type { PlaceFound } from '../../../src/discovery/index.ts';
import { choose } from '../../../src/workflows/search/choice.ts';

function place(reference: string, more: Partial<PlaceFound> = {}): PlaceFound {
  const at = { chart: 'a', profile: 'default', template: 'a/templates/a.yaml', document: 0, kind: 'Pod', name: 'p' };
  const what = { path: 'spec', how: 'pod-spec', written: reference, confidence: 'likely', need: 'install' } as const;
  return { ...at, ...what, reference, ...more };
}

const kafka = ['4.0', '4.1'].map((version) => place(`quay.io/acme/kafka:${version}`));

describe('selections', () => {
  it('exclude with a reason, and keep what is also included', () => {
    const { places, choices } = choose(
      kafka,
      {
        exclude: [{ pattern: 'quay.io/acme/kafka', reason: 'one version is used' }],
        include: [{ pattern: 'quay.io/acme/kafka:4.1' }],
      },
      [],
    );
    expect(places.map(({ reference, confidence }) => [reference, confidence])).toEqual([
      ['quay.io/acme/kafka:4.1', 'certain'],
    ]);
    expect(choices).toEqual([
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
    const doubtful = place('quay.io/acme/extra:1', { confidence: 'possible', need: 'optional' });
    const { places } = choose([doubtful], { include: [{ pattern: 'quay.io/acme/*' }] }, []);
    expect(places).toMatchObject([{ confidence: 'certain', need: 'optional' }]);
  });

  it('exclude tests, or all hooks, and list only images that have no other location', () => {
    const places = [
      place('quay.io/a/test:1', { need: 'test', hook: 'test' }),
      place('quay.io/a/migrate:1', { hook: 'pre-upgrade', need: 'lifecycle' }),
      place('quay.io/a/app:1', { hook: 'pre-install' }),
      place('quay.io/a/app:1'),
    ];
    const left = (some: { readonly places: readonly PlaceFound[] }): string[] =>
      some.places.map(({ reference }) => reference);
    const noTests = choose(places, { tests: false }, []);
    expect(left(noTests)).toEqual(['quay.io/a/migrate:1', 'quay.io/a/app:1', 'quay.io/a/app:1']);
    expect(noTests.choices).toEqual([{ rule: 'no-tests', references: ['quay.io/a/test:1'] }]);
    const noHooks = choose(places, { tests: false, hooks: false }, []);
    expect(left(noHooks)).toEqual(['quay.io/a/app:1']);
    expect(noHooks.choices).toEqual([{ rule: 'no-hooks', references: ['quay.io/a/migrate:1', 'quay.io/a/test:1'] }]);
  });

  it("exclude operators' defaults for resources of users with a reason, unless something else needs them", () => {
    const userMade = { userMade: true, confidence: 'possible', need: 'operand' } as const;
    const places = [
      place('quay.io/a/metrics:2', userMade),
      place('quay.io/a/alerts:1', userMade),
      place('quay.io/a/alerts:1'),
    ];
    expect(choose(places, {}, []).places).toHaveLength(3);
    const { places: left, choices } = choose(places, { operatorDefaults: false }, []);
    expect(left.map(({ reference }) => reference)).toEqual(['quay.io/a/alerts:1']);
    expect(choices).toEqual([
      {
        rule: 'exclude',
        reason: expect.stringContaining('--no-operator-defaults'),
        references: ['quay.io/a/metrics:2'],
      },
    ]);
  });

  it('list nested charts that a pattern excludes', () => {
    const { choices } = choose([], { exclude: [{ pattern: 'kyverno*' }] }, ['kyverno-policies', 'other']);
    expect(choices).toEqual([{ rule: 'exclude', pattern: 'kyverno*', charts: ['kyverno-policies'], references: [] }]);
  });
});
