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

test('a file holds one rule or a list of them', () => {
  expect(parseRules(RULE, 'f')).toEqual([RULE]);
  expect(parseRules([RULE, { ...RULE, operator: 'other' }], 'f')).toHaveLength(2);
});

test('everything that is wrong is named with file and field', () => {
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
  ['a table that is not there', { reference: 'reg.io/w:{table.w}' }, 'images.0.reference: no table "w"'],
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

test('an image that says nothing about its redirection is an error', () => {
  const { redirect: _none, ...image } = IMAGE;
  expect(problem({ ...RULE, images: [image] })).toContain('images.0.redirect: ');
});

test('a table needs ranges, and images different names', () => {
  expect(problem({ ...RULE, tables: { w: { soon: '1' } } })).toContain('tables.w');
  expect(problem({ ...RULE, tables: { w: {} } })).toContain('at least one range');
  expect(problem({ ...RULE, images: [IMAGE, IMAGE] })).toContain('images.1.name: a second image "widget"');
});
