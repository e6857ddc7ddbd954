import { expect, it } from 'vitest';
import { environmentFor, environmentScopeFor, widestScope } from '../../../src/helm/environment.ts';

const env = {
  PATH: '/bin',
  HOME: '/somewhere',
  LC_ALL: 'C',
  HELM_REPOSITORY_CONFIG: 'r',
  HELM_KUBETOKEN: 'secret',
  HELM_SECRETS_BACKEND: 'vals',
  HTTPS_PROXY: 'http://me:secret@proxy',
  no_proxy: 'x',
  SSL_CERT_FILE: 'c',
  DOCKER_CONFIG: 'd',
  AWS_SECRET_ACCESS_KEY: 'secret',
  SOPS_AGE_KEY: 'secret',
  GITHUB_TOKEN: 'secret',
  npm_config_token: 'secret',
  UNSET: undefined,
};
const names = (scope: Parameters<typeof environmentFor>[0], variables = {}): string[] =>
  Object.keys(environmentFor(scope, { ...env, ...variables }));

it('passes no secrets to a render', () => {
  expect(names('nothing')).toEqual(['PATH', 'HOME', 'LC_ALL', 'HELM_REPOSITORY_CONFIG']);
});

it('adds the variables that web servers, credential helpers and plugins need', () => {
  const web = [...names('nothing'), 'HTTPS_PROXY', 'no_proxy', 'SSL_CERT_FILE'];
  expect(names('web')).toEqual(web);
  expect(names('registry')).toEqual([...web, 'DOCKER_CONFIG', 'AWS_SECRET_ACCESS_KEY']);
  expect(names('plugin')).toContain('SOPS_AGE_KEY');
  expect(names('plugin')).toContain('HELM_SECRETS_BACKEND');
  expect(names('plugin')).not.toContain('GITHUB_TOKEN');
  expect(names('plugin')).not.toContain('HELM_KUBETOKEN');
});

it('passes variables named in AIRGAP_HELM_ENV', () => {
  expect(names('nothing', { AIRGAP_HELM_ENV: 'GITHUB_TOKEN, X' })).toContain('GITHUB_TOKEN');
});

it('derives the scope from an address', () => {
  expect(['https://a', 'HTTP://a', 'oci://a', 's3://a', 'stable/web'].map(environmentScopeFor)).toEqual([
    'web',
    'web',
    'registry',
    'plugin',
    'plugin',
  ]);
  expect(widestScope([])).toBe('nothing');
  expect(widestScope(['web', 'plugin', 'nothing'])).toBe('plugin');
});
