import { describe, expect, it, test } from 'vitest';
import {
  childPath,
  fieldValue,
  formatFieldPath,
  formatPath,
  nestedPath,
  parseFieldPath,
  scalarAt,
  valueAt,
} from '../../../src/base/field-path.ts';
import fc, { anyCharacter } from '../../support/property.ts';

const keys = fc.array(
  fc.oneof(
    fc.nat({ max: 1e6 }),
    fc.string({ unit: anyCharacter }),
    fc.constantFrom('a.b', '', '0', '"]', '\\', 'a[0]'),
  ),
);

test('parsing a formatted path gives its keys', () => {
  fc.assert(
    fc.property(keys, (path) => {
      expect(parseFieldPath(formatFieldPath(path))).toEqual(path);
    }),
  );
});

test('a path built key by key is the formatted path, in a field and in the text of a field', () => {
  fc.assert(
    fc.property(keys, (path) => {
      expect(path.reduce(childPath, { path: '' })).toEqual({ path: formatFieldPath(path) });
      const { within = '' } = path.reduce(childPath, nestedPath({ path: 'data' }, 'yaml:'));
      expect(parseFieldPath(within.slice('yaml:'.length))).toEqual(path);
    }),
  );
});

test.each([
  ['spec.containers[0].image', ['spec', 'containers', 0, 'image']],
  ['metadata.labels["app.kubernetes.io/version"]', ['metadata', 'labels', 'app.kubernetes.io/version']],
  ['[1].a', [1, 'a']],
  ['["a\\"b"][2]["0"].0', ['a"b', 2, '0', '0']],
  // Written by hand, in operator rules.
  ['metadata.annotations.a/b', ['metadata', 'annotations', 'a/b']],
  ['', []],
])('%s has its keys', (path, expected) => {
  expect(parseFieldPath(path)).toEqual(expected);
});

test('for users, keys with other characters are quoted without brackets', () => {
  expect(formatPath(['image', 'a.b', 0, 'c-d'])).toBe('image."a.b"[0].c-d');
});

describe('the value at a path', () => {
  const object = { spec: { list: [{ n: 1 }, { n: true }], 0: 'zero', text: 'x', nothing: null } };

  it.each([
    ['spec.list[1].n', true, 'true'],
    ['spec.list[0].n', 1, '1'],
    ['spec.0', 'zero', 'zero'],
    ['spec.text', 'x', 'x'],
    ['spec.nothing', null, undefined],
    ['spec.list', object.spec.list, undefined],
    ['', object, undefined],
  ])('of %s is found', (path, value, text) => {
    expect(fieldValue(object, path)).toEqual(value);
    expect(scalarAt(object, path)).toBe(text);
  });

  it.each(['spec.list[2]', 'spec.list.length', 'spec[0]', 'spec.text.length', 'spec.nothing.x', 'constructor.name'])(
    'of %s is missing',
    (path) => {
      expect(fieldValue(object, path)).toBeUndefined();
    },
  );

  it('is never inherited', () => {
    expect(valueAt({}, ['__proto__'])).toBeUndefined();
  });
});
