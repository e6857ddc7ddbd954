import { expect, test } from 'vitest';
import { reasonOf } from '../../../proof/explain.ts';

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
