import { expect, test } from 'vitest';
import { differences } from '../../../proof/difference.ts';

const manifest = (body: string, template = 'c/templates/a.yaml'): string => `---\n# Source: ${template}\n${body}\n`;

function pairs(before: string, after: string): unknown[] {
  return differences(before, after).map(({ document, path, before: was, after: is }) => [document, path, was, is]);
}

test('fields are compared, not lines', () => {
  expect(pairs(manifest('a: {b: 1}'), manifest('a:\n  b: 1'))).toEqual([]);
  expect(pairs(manifest('a: {b: 1, c: []}'), manifest('a: {b: 2}'))).toEqual([
    [0, '["a","b"]', '1', '2'],
    [0, '["a","c"]', '[]', undefined],
  ]);
});

test('documents of one template are matched by their position', () => {
  const [one, two] = [manifest('a: 1'), manifest('a: 2')];
  expect(pairs(one + two, one + manifest('a: 3'))).toEqual([[1, '["a"]', '2', '3']]);
  expect(pairs(one, one + two)).toEqual([[1, '["a"]', undefined, '2']]);
});

test('documents that are no mappings are compared as text', () => {
  expect(pairs(manifest('- a'), manifest('- b'))).toEqual([[0, '', '- a\n\n', '- b\n\n']]);
});

test('an item inserted into a list is one difference', () => {
  expect(pairs(manifest('args: [--a=1, --z]'), manifest('args: [--a=2, --b=1, --z]'))).toEqual([
    [0, '["args",0]', '--a=1', '--a=2'],
    [0, '', undefined, '"--b=1"'],
  ]);
  expect(pairs(manifest('env: [{name: x, value: 1}]'), manifest('env: [{name: y}, {name: x, value: 2}]'))).toEqual([
    [0, '["env",0,"value"]', '1', '2'],
    [0, '', undefined, '{"name":"y"}'],
  ]);
});
