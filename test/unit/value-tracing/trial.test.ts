import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { runTrials, type Trial, type TrialOptions } from '../../../src/value-tracing/trial.ts';

interface Plain {
  readonly documents: ReturnType<typeof splitDocuments>;
}

/** A chart that is a function of its values; `seed` differs in each render. */
function chart(write: (values: Readonly<Record<string, unknown>>) => string): {
  readonly options: TrialOptions<Trial, Plain>;
  readonly counts: { renders: number };
} {
  const counts = { renders: 0 };
  const renderOnce = (values: Readonly<Record<string, unknown>>): Plain[] => {
    counts.renders += 1;
    return [{ documents: splitDocuments(`---\n# Source: c/templates/a.yaml\n${write(values)}`) }];
  };
  const options: TrialOptions<Trial, Plain> = {
    before: renderOnce({}),
    render: async (trials) => renderOnce(Object.fromEntries(trials.map(({ path, value }) => [path.join('.'), value]))),
    nondeterministicFields: async () => new Set(),
    judge: (_, { path }) => path[0] === 'good',
  };
  return { options, counts };
}

const trial = (name: string): Trial => ({ path: [name], value: `<${name}>`, marker: `<${name}>` });
const names = (passed: ReadonlyMap<Trial, unknown>): string[] => [...passed.keys()].map(({ path }) => path.join('.'));

describe('trials', () => {
  it('find with one render which have only the intended changes', async () => {
    const { options, counts } = chart(({ a = 0, b = 0, c = 0 }) => `good: {a: ${a}, b: ${b}}\nbad: [${b}, ${c}]`);
    const { passed } = await runTrials([trial('a'), trial('b'), trial('c'), trial('idle')], options);
    expect(names(passed)).toEqual(['a']);
    expect([...passed.values()]).toMatchObject([[{ path: ['good', 'a'], after: '<a>' }]]);
    expect(counts.renders).toBe(2);
  });

  it('trace a change without a marker to its trial', async () => {
    const { options } = chart(({ a = 0, b = 0, c = 0 }) => `good: [${a}, ${b}, ${c}]\nchecksum: "${String(b).length}"`);
    expect(names((await runTrials([trial('a'), trial('bb'), trial('b'), trial('c')], options)).passed)).toEqual([
      'a',
      'c',
    ]);
  });

  it('are all rejected if several of them together cause a change', async () => {
    const { options } = chart(({ a = 0, b = 0 }) => `good: [${a}, ${b}]\nboth: ${a !== 0 && b !== 0}`);
    expect(names((await runTrials([trial('a'), trial('b')], options)).passed)).toEqual([]);
  });

  it('ignore nondeterministic fields', async () => {
    let seed = 0;
    const { options } = chart(({ a = 0 }) => `good: ${a}\npassword: p${seed++}`);
    const nondeterministicFields = async () => new Set([JSON.stringify([0, 'c/templates/a.yaml', 0, ['password']])]);
    expect(names((await runTrials([trial('a')], { ...options, nondeterministicFields })).passed)).toEqual(['a']);
  });

  it('omit values that the chart refuses', async () => {
    const { options } = chart(({ a = 0, b = 0 }) => {
      if (b !== 0) throw new AirgapError('chart-render', 'no');
      return `good: ${a}`;
    });
    expect(names((await runTrials([trial('a'), trial('b')], options)).passed)).toEqual(['a']);
  });
});
