import { describe, expect, it } from 'vitest';
import { environmentKeychain } from '../../../src/auth/environment-keychain.ts';
import { commandLineKeychain } from '../../../src/auth/keychain.ts';
import { redact } from '../../../src/base/redact.ts';

const basic = (username: string, password: string): object => ({ kind: 'basic', username, password });
const pair = (host: string, password: string): Record<string, string> => ({
  [`AIRGAP_AUTH_${host}_USERNAME`]: 'robot',
  [`AIRGAP_AUTH_${host}_PASSWORD`]: password,
});

describe('variables of a registry', () => {
  it.each([
    ['registry.example', 'REGISTRY_EXAMPLE'],
    ['Registry.Example:5000', 'REGISTRY_EXAMPLE_5000'],
    ['127.0.0.1:5000', '127_0_0_1_5000'],
    ['localhost', 'LOCALHOST'],
    ['[::1]:5000', '___1__5000'],
    ['docker.io', 'DOCKER_IO'],
    ['registry-1.docker.io', 'DOCKER_IO'],
  ])('have the login for %s as %s', async (registry, name) => {
    const keychain = environmentKeychain(pair(name, 'geheim'), []);
    expect(await keychain.lookup(registry, 'a/b')).toMatchObject({
      ...basic('robot', 'geheim'),
      source: `from AIRGAP_AUTH_${name}_USERNAME and _PASSWORD`,
    });
    expect(await keychain.lookup(`x.${registry.replace(/[[\]:]/g, '')}`)).toBeUndefined();
  });

  it.each(['a_b.example', 'a@b.example', 'a b.example', 'a.b_example', 'a.b.example:', 'a%b.example', 'ä.example'])(
    'are not used for an invalid host: %s',
    async (registry) => {
      const env = {
        ...pair('A_B_EXAMPLE', 'geheim'),
        ...pair('A_B_EXAMPLE_', 'geheim'),
        ...pair('__EXAMPLE', 'geheim'),
      };
      expect(await environmentKeychain(env, []).lookup(registry)).toBeUndefined();
    },
  );

  it('may have a bearer token, without user and password', async () => {
    const env = { AIRGAP_AUTH_R_EXAMPLE_TOKEN: 'take-me' };
    expect(await environmentKeychain(env, []).lookup('r.example')).toMatchObject({
      kind: 'registry-token',
      token: 'take-me',
    });
    for (const other of ['USERNAME', 'PASSWORD']) {
      const both = environmentKeychain({ ...env, [`AIRGAP_AUTH_R_EXAMPLE_${other}`]: 'x' }, []);
      await expect(both.lookup('r.example')).rejects.toMatchObject({
        code: 'config',
        message: expect.stringMatching(new RegExp(`_TOKEN and .*_${other} .*r\\.example`)),
      });
    }
  });

  it.each([
    [{ AIRGAP_AUTH_R_EXAMPLE_USERNAME: 'robot' }, 'AIRGAP_AUTH_R_EXAMPLE_PASSWORD'],
    [pair('R_EXAMPLE', ''), 'AIRGAP_AUTH_R_EXAMPLE_PASSWORD'],
    [{ AIRGAP_AUTH_R_EXAMPLE_PASSWORD: 'geheim' }, 'AIRGAP_AUTH_R_EXAMPLE_USERNAME'],
  ])('that are incomplete are an error for their registry only: %j', async (env, expected) => {
    const keychain = environmentKeychain(env, []);
    await expect(keychain.lookup('r.example')).rejects.toMatchObject({
      code: 'config',
      exitCode: 2,
      message: expect.stringMatching(`r\\.example.*${expected}`),
    });
    expect(await keychain.lookup('other.example')).toBeUndefined();
  });

  it('that are assigned to another host are listed with it in the sources', async () => {
    const env = { ...pair('MY_REG_EXAMPLE', 'geheim'), AIRGAP_AUTH_MY_REG_EXAMPLE_HOST: 'my.reg.example' };
    const keychain = environmentKeychain(env, []);
    expect(await keychain.lookup('my-reg.example')).toBeUndefined();
    expect(keychain.sources?.('my-reg.example')).toEqual([
      expect.stringMatching(/_USERNAME .*_HOST .*my\.reg\.example/),
    ]);
    expect(keychain.sources?.('my.reg.example')).toEqual(['AIRGAP_AUTH_MY_REG_EXAMPLE_USERNAME']);
  });

  it('that are all empty count as unset', async () => {
    const env = { AIRGAP_AUTH_R_EXAMPLE_USERNAME: '', AIRGAP_AUTH_R_EXAMPLE_PASSWORD: '' };
    expect(await environmentKeychain(env, []).lookup('r.example')).toBeUndefined();
  });

  it('register their secrets for redaction, used or not', () => {
    environmentKeychain({ AIRGAP_AUTH_X_TOKEN: 'token-of-x-1', AIRGAP_AUTH_X_PASSWORD: 'password-of-x' }, []);
    expect(redact('token-of-x-1 password-of-x')).toBe('*** ***');
  });

  it('are listed in the sources', () => {
    expect(environmentKeychain({}, []).sources?.('r.example:5000')).toEqual(['AIRGAP_AUTH_R_EXAMPLE_5000_USERNAME']);
  });
});

describe('hosts with the same variables', () => {
  const env = pair('REGISTRY_CORP_EXAMPLE', 'geheim');
  const refusal = {
    code: 'config',
    message: expect.stringMatching(
      /registry-corp\.example.*registry\.corp\.example|registry\.corp\.example.*registry-corp\.example/,
    ),
  };

  it('are distinguished by "_" for a dot', async () => {
    const keychain = environmentKeychain(env, []);
    expect(await keychain.lookup('registry.corp.example')).toMatchObject(basic('robot', 'geheim'));
    // An attacker can register this host and put it into a chart.
    await expect(keychain.lookup('registry-corp.example')).rejects.toMatchObject(refusal);
  });

  it('are distinguished by the hosts that the user named', async () => {
    const keychain = environmentKeychain(env, ['registry-corp.example']);
    expect(await keychain.lookup('registry-corp.example')).toMatchObject(basic('robot', 'geheim'));
    await expect(keychain.lookup('registry.corp.example')).rejects.toMatchObject(refusal);
  });

  it('are both rejected when the user named both', async () => {
    const keychain = environmentKeychain(env, ['registry-corp.example', 'registry.corp.example']);
    for (const host of ['registry-corp.example', 'registry.corp.example'])
      await expect(keychain.lookup(host)).rejects.toMatchObject(refusal);
  });

  it('are distinguished by a variable', async () => {
    const assigned = { ...env, AIRGAP_AUTH_REGISTRY_CORP_EXAMPLE_HOST: 'registry-corp.example' };
    const keychain = environmentKeychain(assigned, ['registry.corp.example']);
    expect(await keychain.lookup('registry-corp.example')).toMatchObject(basic('robot', 'geheim'));
    expect(await keychain.lookup('registry.corp.example')).toBeUndefined();
  });
});

describe('the login of the command line', () => {
  const keychain = commandLineKeychain({ registry: 'docker.io', username: 'me', password: 'pw' });

  it('is used for its registry only', async () => {
    expect(await keychain.lookup('docker.io')).toMatchObject(basic('me', 'pw'));
    expect(await keychain.lookup('registry-1.docker.io')).toMatchObject(basic('me', 'pw'));
    expect(await keychain.lookup('quay.io')).toBeUndefined();
  });

  it('is listed in the sources with its registry', () => {
    expect(keychain.sources?.('quay.io')).toEqual(['--registry-username (for docker.io)']);
  });
});
