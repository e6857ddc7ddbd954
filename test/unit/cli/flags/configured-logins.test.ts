// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables
import { expect, it } from 'vitest';
import { configuredLogins } from '../../../../src/cli/flags/configured-logins.ts';

const env = { SECRET: 'a secret in the environment', ME: 'env' };
const logins = [
  { registry: 'r.example', username: '${ME}', password: '${SECRET}' },
  { registry: 's.example', username: 'robot$x', password: '${SECRET}' },
  { registry: 't.example', token: '${SECRET}' },
];
const keychainWith = (variables: Record<string, string>) =>
  configuredLogins({ logins }, 'airgap.yaml', new Map(Object.entries(variables)), env);

it('names of users come from --var, then from the environment; others are taken as they are', async () => {
  for (const [variables, username] of [
    [{}, 'env'],
    [{ ME: 'given' }, 'given'],
  ] as const) {
    const keychain = await keychainWith(variables);
    expect(await keychain.lookup('r.example')).toMatchObject({ kind: 'basic', username, password: env.SECRET });
    expect(await keychain.lookup('s.example')).toMatchObject({ kind: 'basic', username: 'robot$x' });
    expect(await keychain.lookup('t.example')).toMatchObject({ kind: 'registry-token', token: env.SECRET });
  }
});

it('secrets in --var are refused, and not repeated', async () => {
  const failure = await keychainWith({ SECRET: 'geheim' }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'usage', message: expect.stringContaining('--var SECRET=') });
  expect(String(failure)).not.toContain('geheim');
});
