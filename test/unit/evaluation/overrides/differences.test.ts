import { expect, test } from 'vitest';
import { differences, reasonOf } from '../../../../evaluation/overrides/differences.ts';

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

const target = 'r.example:5000/m';
const DIGEST = `sha256:${'a'.repeat(64)}`;

function reason(
  before: string | undefined,
  after: string | undefined,
  more: { path?: string; switches?: string[] } = {},
) {
  const { path = '["image"]', switches = [] } = more;
  const operands = ['ghcr.io/acme/operand:1'];
  return reasonOf({ template: 't', document: 0, path, before, after }, { target, switches, operands });
}

test('a reference replaced by its private name is explained, with any text around it', () => {
  expect(reason('nginx', `${target}/docker.io/library/nginx`)).toBe('reference');
  expect(reason('nginx:1', `${target}/docker.io/library/nginx:1`)).toBe('reference');
  expect(reason(`quay.io/a/b:1@${DIGEST}`, `${target}/quay.io/a/b:1@${DIGEST}`)).toBe('reference');
  expect(reason('r.corp:5443/a:1', `${target}/r.corp-5443/a:1`)).toBe('reference');
  expect(reason('a=x/y:1,\nb="q.io/z"', `a=${target}/docker.io/x/y:1,\nb="${target}/q.io/z"`)).toBe('reference');
  expect(reason('quay.io', `${target}/quay.io`)).toBe('reference');
});

test('another name, tag or digest is not explained', () => {
  expect(reason('nginx:1', `${target}/docker.io/nginx:1`)).toBe('other');
  expect(reason('nginx:1', `${target}/docker.io/library/nginx:2`)).toBe('other');
  expect(reason('nginx:1', `${target}/docker.io/library/nginx`)).toBe('other');
  expect(reason(`quay.io/a@${DIGEST}`, `${target}/quay.io/a`)).toBe('other');
  expect(reason('nginx:1', `r.example:5000/docker.io/library/nginx:1`)).toBe('other');
});

test('other changes next to a reference are found', () => {
  expect(reason('x nginx:1 y', `x ${target}/docker.io/library/nginx:1 z`)).toBe('other');
  expect(reason('IfNotPresent', 'Always')).toBe('other');
  expect(reason(undefined, 'Always')).toBe('other');
  expect(reason('nginx:1', undefined)).toBe('other');
});

test('base64 is decoded', () => {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  expect(reason(encoded('image: nginx:1\n'), encoded(`image: ${target}/docker.io/library/nginx:1\n`))).toBe(
    'reference',
  );
  expect(reason(encoded('image: nginx:1\n'), encoded(`image: ${target}/docker.io/library/nginx:2\n`))).toBe('other');
});

test('base64 within a script is decoded too', () => {
  const script = (text: string): string => `set -e\nVALUES="${Buffer.from(text).toString('base64')}"\nhelm install x\n`;
  const before = script('image: nginx:1\n');
  expect(reason(before, script(`image: ${target}/docker.io/library/nginx:1\n`))).toBe('reference');
  expect(reason(before, script(`image: ${target}/docker.io/library/nginx:1\nmore: 1\n`))).toBe('other');
});

test('a checksum counts only where one is expected', () => {
  expect(reason('a'.repeat(64), 'b'.repeat(64))).toBe('sum');
  expect(reason('abc', 'abd', { path: '["metadata","annotations","checksum/config"]' })).toBe('sum');
  expect(reason('abc', 'abd')).toBe('other');
});

test('an added argument is explained by an image of the operator', () => {
  expect(reason(undefined, `"--operand=${target}/ghcr.io/acme/operand:1"`)).toBe('redirect');
  expect(reason(undefined, `"--operand=${target}/ghcr.io/acme/operand:2"`)).toBe('other');
});

test('a switch that the overrides set is explained in a copy of the values', () => {
  const after = `image: ${target}/docker.io/library/nginx:1\nallow: true\n`;
  expect(reason('image: nginx:1\nallow: false\n', after, { switches: ['allow'] })).toBe('switch');
  expect(reason('image: nginx:1\nallow: false\n', after)).toBe('other');
});
