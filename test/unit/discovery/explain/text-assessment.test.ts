import { expect, test } from 'vitest';
import { assessText } from '../../../../src/discovery/explain/index.ts';

/** Every string of `forms` occurs in the form at that position. */
test.each<[string, string, readonly string[]]>([
  ['quay.io/a/b:1.0', 'typed key context none', ['as is']],
  ['nginx', 'typed key', ['FOO_IMAGE', 'registry.example/nginx:1.0']],
  ['quay.io/a/b', 'typed key', ['FOO_IMAGE', 'quay.io/a/b:1.0']],
  ['org/a:1', 'typed key context', ['FOO_IMAGE', 'registry.example/org/a:1']],
  ['redis:6379', 'typed', ['registry.example/redis:6379']],
  ['github.com/a/b', 'typed', []],
  ['https://a.io/b', '', ['not a valid reference']],
  ['oci://quay.io/a/b:1', '', ['storageUri']],
  ['two words', '', ['not a valid reference']],
])('%s', (text, taken, wants) => {
  const assessment = assessText(text);
  expect(assessment.verdicts.map(({ evidence }) => evidence)).toEqual(['typed', 'key', 'context', 'none']);
  const accepted = assessment.verdicts.filter((verdict) => verdict.taken);
  expect(accepted.map(({ evidence }) => evidence).join(' ')).toBe(taken);
  expect(assessment.wants).toEqual(wants.map((fact) => expect.stringContaining(fact)));
});

test('each verdict has its reason', () => {
  expect(assessText('redis:6379').verdicts.map(({ because }) => because)).toEqual([
    expect.stringContaining('`image`'),
    ...Array.from({ length: 3 }, () => expect.stringMatching(/`6379`.*port/)),
  ]);
});
