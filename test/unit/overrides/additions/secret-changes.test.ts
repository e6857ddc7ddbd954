import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { addsPullSecret, isChecksum, isValuesCopy } from '../../../../src/overrides/additions/secret-changes.ts';
import type { Change } from '../../../../src/value-tracing/changes.ts';

describe('a change that adds a pull secret', () => {
  const change = (before: unknown, after: unknown, key = 'imagePullSecrets'): Change => {
    return { render: 0, template: 't', document: 0, path: ['spec', key], before, after };
  };

  it('adds one Kubernetes entry', () => {
    expect(addsPullSecret(change(undefined, [{ name: 'new' }]), 'new')).toBe(true);
    expect(addsPullSecret(change([{ name: 'old' }], [{ name: 'old' }, { name: 'new' }]), 'new')).toBe(true);
    expect(addsPullSecret(change([{ name: 'newer' }], [{ name: 'newer' }, { name: 'new' }]), 'new')).toBe(true);
  });

  it.each([
    ['another shape', undefined, ['new']],
    ['a map for a name', undefined, [{ name: { name: 'new' } }]],
    ['the text of a map', undefined, [{ name: 'map[name:new]' }]],
    ['a lost entry', [{ name: 'old' }], [{ name: 'new' }]],
    ['an entry right and one wrong', undefined, [{ name: 'new' }, { name: 'map[name:new]' }]],
    ['another name', undefined, [{ name: 'new-2' }]],
  ])('is not %s', (_, before, after) => {
    expect(addsPullSecret(change(before, after), 'new')).toBe(false);
  });

  it('may be an operator setting, and nothing else', () => {
    const env = [{ name: 'A', value: 'new' }];
    const variable = { name: 'IMAGE_PULL_SECRETS', value: 'new' };
    expect(addsPullSecret(change(env, [...env, variable], 'env'), 'new')).toBe(true);
    expect(addsPullSecret(change(env, [...env, { name: 'B', value: 'new' }], 'env'), 'new')).toBe(false);
    expect(addsPullSecret(change(env, [variable], 'env'), 'new')).toBe(false);
    expect(addsPullSecret(change(undefined, 'new', 'secretName'), 'new')).toBe(false);
  });
});

const setLeaves = [{ path: ['hub', 'image', 'pullSecrets'], value: [{ name: 'm' }] }];
const change = (before: unknown, after: unknown, path: Change['path'] = ['data', 'values.yaml']): Change => ({
  ...{ render: 0, template: 'a/templates/a.yaml', document: 0 },
  ...{ path, before, after },
});
const values = (hub: object, more: object = {}) => stringify({ hub, other: 1, ...more });
const before = values({ image: { name: 'a', pullSecrets: [] } });
const after = values({ image: { name: 'a', pullSecrets: [{ name: 'm' }] } });

describe('a copy of the values', () => {
  it('is recognized for all or some values, plain or encoded', () => {
    const encoded = [before, after].map((text) => Buffer.from(text).toString('base64'));
    expect(isValuesCopy(change(before, after), { kind: 'ConfigMap' }, setLeaves)).toBe(true);
    expect(isValuesCopy(change(encoded[0], encoded[1]), { kind: 'Secret' }, setLeaves)).toBe(true);
    expect(isValuesCopy(change(before, after, ['stringData', 'v']), { kind: 'Secret' }, setLeaves)).toBe(true);
    const part = ['{"image":{}}', '{"image":{"pullSecrets":[{"name":"m"}]}}'];
    expect(isValuesCopy(change(part[0], part[1]), { kind: 'ConfigMap' }, setLeaves)).toBe(true);
  });

  it('is rejected if anything else changes, or the value is elsewhere', () => {
    for (const changed of [
      values({ image: { name: 'b', pullSecrets: [{ name: 'm' }] } }),
      values({ image: { name: 'a', pullSecrets: [{ name: 'm' }] } }, { more: true }),
      values({ image: { name: 'a', pullSecrets: [] } }, { list: [{ name: 'm' }] }),
      values({ image: { name: 'a', pullSecrets: [{ name: 'x' }] } }),
      'secret=m',
      `${after}---\nmore: true\n`,
    ]) {
      expect(isValuesCopy(change(before, changed), { kind: 'ConfigMap' }, setLeaves)).toBe(false);
    }
    expect(isValuesCopy(change(before, after, ['spec', 'values']), { kind: 'ConfigMap' }, setLeaves)).toBe(false);
  });

  it('may change checksum annotations', () => {
    const path = ['spec', 'template', 'metadata', 'annotations', 'checksum/secret'];
    expect(isChecksum(change('a'.repeat(64), 'b'.repeat(64), path))).toBe(true);
    expect(isChecksum(change('a'.repeat(64), 'text', path))).toBe(false);
    expect(isChecksum(change('a'.repeat(64), 'b'.repeat(64), ['data', 'sum']))).toBe(false);
  });
});
