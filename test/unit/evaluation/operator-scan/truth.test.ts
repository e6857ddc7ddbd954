import { expect, test } from 'vitest';
import operators from '../../../../evaluation/operator-scan/operators.json' with { type: 'json' };
import { published } from '../../../../evaluation/operator-scan/published.ts';
import { type Operator, truthOf } from '../../../../evaluation/operator-scan/truth.ts';

test('the images of every operator are known, by hand or by a rule, each once', () => {
  const truths = (operators as readonly Operator[]).map((operator) => [operator.name, truthOf(operator)] as const);
  for (const [name, truth] of truths) expect(truth, name).toEqual([...new Set(truth)].sort());
  // KEDA's chart names all its images, and ECK builds them from the versions in its resources.
  expect(truths.flatMap(([name, truth]) => (truth.length === 0 ? [name] : []))).toEqual(['keda', 'eck']);
  expect(truthOf({ image: 'docker.io/unknown/operator:1' })).toEqual([]);
  expect(truthOf({ image: 'x', chooses: { 'docker.io/b:1': 'b.go', 'docker.io/a:1': 'a.go' } })).toEqual([
    'docker.io/a:1',
    'docker.io/b:1',
  ]);
});

test('what a project has published is there, other tags are missing, and other repositories unknown', async () => {
  const [there] = truthOf((operators as readonly Operator[]).find(({ name }) => name === 'redis') as Operator);
  expect(await published(there ?? '')).toBe('there');
  expect(await published((there ?? '').replace(/:[^:]*$/, ':no-such-tag'))).toBe('missing');
  expect(await published('registry.example/a/b:1')).toBe('unknown');
});
