import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../src/naming/naming.ts';
import { registryPathPrefix, targetPrefix } from '../../../src/naming/path-prefix.ts';

describe('the path prefix of a registry', () => {
  it.each([
    ['host-path', 'm/quay.io'],
    ['path', 'm'],
    ['all/{host}/{path}', 'm/all/quay.io'],
    ['name', undefined],
    ['as-written', undefined],
    ['{name}/{path}', undefined],
    ['x{path}', undefined],
  ])('%s puts all images of a registry below %s', (naming, folder) => {
    expect(registryPathPrefix(parseTarget('r.example/m', naming), 'quay.io')).toBe(folder);
  });

  it('with rules gives registries no common path', () => {
    const target = parseTarget('r.example/m', 'path', { rules: [{ match: 'x', to: 'y' }] });
    expect(registryPathPrefix(target, 'quay.io')).toBeUndefined();
  });
});

describe('the name of a prefix', () => {
  it.each([
    ['quay.io', 'r.example/m/quay.io'],
    ['docker.io', 'r.example/m/docker.io'],
    ['quay.io/acme', 'r.example/m/quay.io/acme'],
    ['index.docker.io/acme', 'r.example/m/docker.io/acme'],
    ['acme/app', 'r.example/m/docker.io/acme/app'],
    ['Not/A name', undefined],
  ])('%s is %s', (source, expected) => {
    expect(targetPrefix(parseTarget('r.example/m', 'host-path'), source)).toBe(expected);
  });

  it.each(['name', 'as-written', 'single-repository'])(
    'does not exist with the naming %s, which changes paths',
    (naming) => {
      expect(targetPrefix(parseTarget('r.example/m', naming), 'quay.io/acme')).toBeUndefined();
    },
  );
});
