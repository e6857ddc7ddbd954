import { expect, test } from 'vitest';
import { parseRules } from '../../../../src/discovery/rules/index.ts';

const IMAGE = { name: 'widget', reference: 'reg.io/widget:1', redirect: { kind: 'none' } };
const RULE = {
  operator: 'widget-operator',
  source: 'org/widget, main.go, v1.0.0',
  when: { images: ['org/widget-operator'] },
  images: [IMAGE],
};

function problem(value: unknown): string {
  try {
    parseRules(value, 'rules.yaml');
  } catch (error) {
    return String((error as Error).message);
  }
  return '';
}

test('a file contains one rule or a list of rules', () => {
  expect(parseRules(RULE, 'f')).toEqual([RULE]);
  expect(parseRules([RULE, { ...RULE, operator: 'other' }], 'f')).toHaveLength(2);
});

test('every invalid field is reported with file and path', () => {
  const text = problem([RULE, { ...RULE, source: '', images: [{ ...IMAGE, versions: 'newest', colour: 'red' }] }]);
  expect(text.split('\n')).toEqual([
    expect.stringContaining('rules.yaml: 1.source: '),
    expect.stringContaining('rules.yaml: 1.images.0.versions: not a semver range'),
    expect.stringContaining('rules.yaml: 1.images.0: '),
  ]);
  expect(text).toContain('colour');
  expect(problem('text')).toContain('rules.yaml: rule: ');
});

test.each([
  ['an unknown variable', { reference: 'reg.io/w:{verson}' }, 'images.0.reference: unknown variable "verson"'],
  ['a missing table', { reference: 'reg.io/w:{table.w}' }, 'images.0.reference: no table "w"'],
  [
    'a field of no resource',
    { reference: 'reg.io/w:{field.spec.v}' },
    'images.0.reference: "field.spec.v" needs "for"',
  ],
  ['a condition on a field of no resource', { unless: [{ field: 'spec.image' }] }, 'images.0.unless: '],
  ['an empty condition', { unless: [{}] }, 'images.0.unless.0: '],
  ['a redirect without a name', { redirect: { kind: 'env' } }, 'images.0.redirect.name: '],
  ['a redirect of unknown kind', { redirect: { kind: 'magic' } }, 'images.0.redirect.kind: '],
])('%s is an error', (_, image, message) => {
  expect(problem({ ...RULE, images: [{ ...IMAGE, ...image }] })).toContain(`rules.yaml: ${message}`);
});

test('an image without a redirect is an error', () => {
  const { redirect: _none, ...image } = IMAGE;
  expect(problem({ ...RULE, images: [image] })).toContain('images.0.redirect: ');
});

test('a table needs ranges, and images different names', () => {
  expect(problem({ ...RULE, tables: { w: { soon: '1' } } })).toContain('tables.w');
  expect(problem({ ...RULE, tables: { w: {} } })).toContain('tables.w: ');
  expect(problem({ ...RULE, images: [IMAGE, IMAGE] })).toContain('images.1.name: ');
});
