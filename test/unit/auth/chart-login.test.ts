import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { chartLogins } from '../../../src/auth/chart-login.ts';
import { scratchFolder } from '../../support/scratch.ts';

let home: string;
beforeEach(() => {
  home = scratchFolder();
});

const auth = (user: string): { auth: string } => ({ auth: Buffer.from(`${user}:pw`).toString('base64') });
const put = (path: string, content: object): void => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), JSON.stringify(content));
};
const PODMAN = '.config/containers/auth.json';

describe('a login for a chart that Helm pulls', () => {
  it('comes from the command line, then variables, then Podman', async () => {
    const hosts = ['a.example', 'b.example', 'c.example', 'd.example'];
    put(PODMAN, { auths: Object.fromEntries(hosts.map((host) => [host, auth('podman')])) });
    const env = {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'c.example': auth('variable') } }),
      AIRGAP_AUTH_A_EXAMPLE_USERNAME: 'own',
      AIRGAP_AUTH_A_EXAMPLE_PASSWORD: 'pw',
      AIRGAP_AUTH_B_EXAMPLE_USERNAME: 'own',
      AIRGAP_AUTH_B_EXAMPLE_PASSWORD: 'pw',
    };
    const commandLine = { registry: 'a.example', username: 'given', password: 'pw' };
    const login = chartLogins({ env, home }, { login: commandLine }, []);
    const found = await Promise.all(hosts.map((host) => login(host, 'charts/web').then((found) => found?.entry)));
    expect(found).toEqual([auth('given'), auth('own'), auth('variable'), auth('podman')]);
  });

  it.each([
    ['.config/helm/registry/config.json', { auths: { 'a.example': auth('helm') } }],
    ['.config/helm/registry/config.json', { credHelpers: { 'a.example': 'gone' } }],
    ['.config/helm/registry/config.json', { credsStore: 'gone' }],
    ['.config/helm/registry/config.json', []],
  ])('is left to Helm when %s has it: %j', async (file, content) => {
    put(PODMAN, { auths: { 'a.example': auth('podman') } });
    put(file, content);
    expect(await chartLogins({ env: { PATH: '/nowhere' }, home }, {}, [])('a.example', 'web')).toBeUndefined();
  });

  it('is left to Helm when Docker has it', async () => {
    put('.docker/config.json', { auths: { 'a.example': auth('docker') } });
    expect(await chartLogins({ env: {}, home }, {}, [])('a.example', 'web')).toBeUndefined();
  });

  it('may be a token', async () => {
    const DOCKER_AUTH_CONFIG = JSON.stringify({
      auths: { 'a.example': { ...auth('me'), identitytoken: 'r3fr3sh-m3' }, 'b.example': { registrytoken: 'take' } },
    });
    const login = chartLogins({ env: { DOCKER_AUTH_CONFIG }, home }, {}, []);
    expect(await login('a.example', 'web')).toMatchObject({
      entry: { identitytoken: 'r3fr3sh-m3' },
      description: expect.stringMatching(/a\.example stored in DOCKER_AUTH_CONFIG .*user me/),
    });
    expect(await login('b.example', 'web')).toMatchObject({ entry: { registrytoken: 'take' } });
  });
});
