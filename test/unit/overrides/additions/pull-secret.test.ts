import { describe, expect, it } from 'vitest';
import { formatPath } from '../../../../src/base/field-path.ts';
import { pullSecretLeaves, withPullSecret } from '../../../../src/overrides/additions/pull-secret.ts';

describe('leaves for pull secrets', () => {
  it('are found by their keys, with their possible forms', () => {
    const values = {
      imagePullSecrets: [],
      image: { pullSecret: '', pullSecrets: null },
      a: { imagePullSecrets: [{ name: 'old' }] },
      b: { pullSecrets: ['old'] },
      c: { imagePullSecretName: 'old' },
      d: { imagePullSecrets: { create: false, name: '' } },
      pullPolicy: '',
      secret: '',
    };
    const found = pullSecretLeaves(values, []).map(({ path, forms }) => [formatPath(path), forms.join(' ')]);
    expect(Object.fromEntries(found)).toEqual({
      imagePullSecrets: 'entries names',
      'image.pullSecret': 'name entries names',
      'image.pullSecrets': 'entries names name',
      'a.imagePullSecrets': 'entries',
      'b.pullSecrets': 'names',
      'd.imagePullSecrets.name': 'name entries names',
    });
  });

  it('keep their existing entries', () => {
    const leaf = { path: ['a'], value: [{ name: 'old' }] };
    expect(withPullSecret(leaf, 'entries', 'new')).toEqual([{ name: 'old' }, { name: 'new' }]);
    expect(withPullSecret({ path: ['a'], value: ['old'] }, 'names', 'new')).toEqual(['old', 'new']);
    expect(withPullSecret({ path: ['a'], value: '' }, 'name', 'new')).toBe('new');
  });
});
