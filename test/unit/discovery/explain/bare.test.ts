import { expect, test } from 'vitest';
import { judgeBare } from '../../../../src/discovery/explain/index.ts';

const NAME = 'a name that says image (image:, FOO_IMAGE=, --foo-image)';

test.each<[string, string, readonly string[]]>([
  ['quay.io/a/b:1.0', 'typed key context none', ['as it is: any name, or none']],
  ['nginx', 'typed key', [`as it is: ${NAME}`, 'written as registry.example/nginx:1.0: any name, or none']],
  ['quay.io/a/b', 'typed key', [`as it is: ${NAME}`, 'written as quay.io/a/b:1.0: any name, or none']],
  ['org/a:1', 'typed key context', [`as it is: ${NAME}`, 'written as registry.example/org/a:1: any name, or none']],
  ['redis:6379', 'typed', [`written as registry.example/redis:6379: ${NAME}`]],
  ['github.com/a/b', 'typed', [`written as github.com/a/b:1.0: ${NAME}`]],
  ['https://a.io/b', '', ['nothing makes it a reference as it is written']],
  ['two words', '', ['nothing makes it a reference as it is written']],
])('%s', (text, taken, wants) => {
  const bare = judgeBare(text);
  expect(bare.verdicts.map(({ evidence }) => evidence)).toEqual(['typed', 'key', 'context', 'none']);
  const yes = bare.verdicts.filter((verdict) => verdict.taken);
  expect(yes.map(({ evidence }) => evidence).join(' ')).toBe(taken);
  expect(bare.wants).toEqual(wants);
});

test('each verdict has its reason', () => {
  expect(judgeBare('redis:6379').verdicts.map(({ because }) => because)).toEqual([
    'Kubernetes pulls what stands in the field `image` of a pod',
    ...Array.from({ length: 3 }, () => '`6379` is a port, not a tag'),
  ]);
});
