import { describe, expect, test } from 'vitest';
import { isGood, score, totalOf } from '../../../../evaluation/discovery/score.ts';
import type { Found } from '../../../../evaluation/discovery/search.ts';
import type { CorpusChart, TrueImage } from '../../../support/corpus.ts';

function chart(images: readonly (readonly [how: string, normalized: string])[], more: Partial<CorpusChart> = {}) {
  const rows = images.map(([how, normalized]): TrueImage => ({ how, need: 'install', normalized, ref: normalized }));
  const nothing = { flags: [], ambiguous: [], traps: [], nests: false, render: { releaseName: 'rel' } };
  return { name: 'shop-1.0.0', archive: '/charts/shop-1.0.0.tgz', ...nothing, images: rows, ...more };
}

function found(reference: string, more: Partial<Found> = {}): Found {
  return { reference, confidence: 'certain', written: [reference], locations: [], ...more };
}

describe('expected references', () => {
  test('are those of the truth, each once', () => {
    const { own } = score(
      chart([
        ['hook', 'quay.io/a/b:1'],
        ['test', 'quay.io/a/b:1'],
      ]),
      [],
    );
    expect(own).toEqual({ expected: ['quay.io/a/b:1'], missed: ['quay.io/a/b:1'] });
  });

  test('are counted separately for operators and nested charts', () => {
    const truth = chart([
      ['image-field', 'quay.io/a/own:1'],
      ['operator-binary', 'quay.io/a/operand:1'],
      ['child-chart', 'quay.io/a/child:1'],
    ]);
    const result = score(truth, [found('quay.io/a/operand:1')]);
    expect(result.own.missed).toEqual(['quay.io/a/own:1']);
    expect(result.operator).toEqual({ expected: ['quay.io/a/operand:1'], missed: [] });
    expect(result.child.missed).toEqual(['quay.io/a/child:1']);
  });

  test.each([
    ['operator-binary', 'image-field', 'own'],
    ['image-field', 'child-chart', 'own'],
    ['operator-binary', 'child-chart', 'child'],
    ['child-chart', 'operator-binary', 'child'],
  ] as const)('of %s and %s is %s alone', (first, second, kind) => {
    const result = score(
      chart([
        [first, 'quay.io/a/b:1'],
        [second, 'quay.io/a/b:1'],
      ]),
      [],
    );
    const kinds = (['own', 'operator', 'child'] as const).filter((each) => result[each].expected.length > 0);
    expect(kinds).toEqual([kind]);
  });
});

describe('found references', () => {
  const truth = chart([['image-field', 'quay.io/a/b:1']]);

  test('count from `likely` on', () => {
    expect(score(truth, [found('quay.io/a/b:1', { confidence: 'likely' })]).own.missed).toEqual([]);
    expect(score(truth, [found('quay.io/a/b:1', { confidence: 'possible' })]).own.missed).toEqual(['quay.io/a/b:1']);
  });

  test('are false positives if the truth does not have them, from `likely` on', () => {
    const wrong = found('quay.io/a/other:1', { confidence: 'likely' });
    const unsure = found('quay.io/a/third:1', { confidence: 'possible' });
    expect(score(truth, [wrong, unsure]).falsePositives).toEqual([wrong]);
  });

  test('are neither right nor wrong if the truth has them as ambiguous', () => {
    const ambiguous = chart([], { ambiguous: ['quay.io/a/other:1'] });
    expect(score(ambiguous, [found('quay.io/a/other:1')]).falsePositives).toEqual([]);
  });

  test.each([
    ['rel-redis:6379', 'docker.io/library/rel-redis:6379', 'rel-redis:6379'],
    ['s0:c123,c456', 'docker.io/library/s0:c123', 's0:c123'],
    ['4.0.0=quay.io/...', 'docker.io/library/x:latest', '4.0.0=quay.io/strimzi/kafka'],
    ['v3.3.1', 'docker.io/library/v3.3.1:latest', 'whatever'],
  ])('is a trap when the truth warns of %s', (trap, reference, written) => {
    const taken = found(reference, { written: [written] });
    expect(score(chart([], { traps: [trap] }), [taken]).traps).toEqual([taken]);
    expect(score(chart([], { traps: ['something/else:1'] }), [taken]).traps).toEqual([]);
  });

  test('are no traps if the truth has them as images too', () => {
    const both = chart([['arg', 'quay.io/a/b:1']], { traps: ['quay.io/a/b:1'] });
    expect(score(both, [found('quay.io/a/b:1')]).traps).toEqual([]);
  });
});

describe('the total', () => {
  const truth = chart([
    ['image-field', 'quay.io/a/b:1'],
    ['image-field', 'quay.io/a/c:1'],
  ]);

  test('computes recall and precision from the sums, not from the charts', () => {
    const all = score(truth, [found('quay.io/a/b:1'), found('quay.io/a/c:1')]);
    const half = score(truth, [found('quay.io/a/b:1'), found('quay.io/a/wrong:1')]);
    expect(totalOf([all, half])).toMatchObject({ recall: 3 / 4, precision: 3 / 4, falsePositives: 1, traps: 0 });
    expect(totalOf([all, half]).own).toEqual({ expected: 4, found: 3 });
  });

  test('is complete if nothing is expected and nothing is found', () => {
    expect(totalOf([score(chart([]), [])])).toMatchObject({ recall: 1, precision: 1 });
  });

  const right = [found('quay.io/a/b:1'), found('quay.io/a/c:1')];
  const good = (chart: CorpusChart, all: readonly Found[]): boolean => isGood(totalOf([score(chart, all)]));

  test('is good if everything is found and nothing else', () => {
    expect(good(truth, right)).toBe(true);
  });

  test('is not good with a miss, one false positive in a hundred, or a trap', () => {
    expect(good(truth, right.slice(1))).toBe(false);
    expect(good(truth, [...right, found('quay.io/a/wrong:1')])).toBe(false);
    const names = Array.from({ length: 200 }, (_, i) => `quay.io/a/n${i}:1`);
    const many = chart(
      names.map((name) => ['arg', name]),
      { traps: ['quay.io/a/trap:1'] },
    );
    const everything = names.map((name) => found(name));
    expect(good(many, [...everything, found('quay.io/a/wrong:1')])).toBe(true);
    expect(good(many, [...everything, found('quay.io/a/trap:1')])).toBe(false);
  });

  test('is good without operator images, but not without a nested chart', () => {
    expect(good(chart([['operator-binary', 'quay.io/a/b:1']]), [])).toBe(true);
    expect(good(chart([['child-chart', 'quay.io/a/b:1']]), [])).toBe(false);
  });
});
