import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { splitList } from '../../../src/openshift/split-list.ts';
import fc, { anyCharacter } from '../../support/property.ts';

const listOf = (items: readonly unknown[]): string =>
  stringify({ apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } }, { indentSeq: false });

test('the items of a list as oc prints it are read one by one as they are read together', () => {
  const text = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 30 }),
    fc.constantFrom(
      '- a\n- b\n',
      '\n  - x\n\n\n',
      'kind: List\nmetadata:\n',
      '---\n',
      '|\n  a',
      'a\n# b\n  c',
      'x '.repeat(60),
    ),
  );
  const object = fc.record({
    kind: fc.constant('ConfigMap'),
    data: fc.dictionary(text, fc.oneof(text, fc.array(text))),
  });
  fc.assert(
    fc.property(fc.array(object, { minLength: 1, maxLength: 4 }), (items) => {
      const list = listOf(items);
      const split = splitList(list);
      // A text that oc would not write so may be left whole.
      if (split !== undefined) expect([...split].map((item) => parse(item))).toEqual(parse(list).items);
    }),
    { numRuns: 60 },
  );
});

test('line breaks at the end of the file do not matter', () => {
  expect([...(splitList(`${listOf([{ a: 1 }, { b: [2] }])}\n\n`) ?? [])]).toEqual(['a: 1\n', 'b:\n- 2\n']);
});

test.each([
  ['an indented list', listOf([{ a: 1 }]).replace('- a', '  - a')],
  ['another order', 'kind: List\napiVersion: v1\nitems:\n- a: 1\n'],
  ['a part of a list', listOf([{ a: 1 }]).replace('resourceVersion: ""', 'continue: abc')],
  ['a line at the margin', listOf([{ a: 1 }]).replace('- a: 1', '- a: 1\nb: 2')],
  ['no item', listOf([])],
])('%s is not split', (_, text) => {
  expect(splitList(text)).toBeUndefined();
});
