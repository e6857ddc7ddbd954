import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RegistryLogin } from '../../../src/base/registry-login.ts';
import { type ChartRequest, writeDependencyLogins } from '../../../src/helm/access.ts';
import type { Helm, HelmRunOptions } from '../../../src/helm/helm.ts';
import { pullChart } from '../../../src/helm/pull.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Pulls with a fake Helm that records the registry configuration it receives. */
async function pulled(request: ChartRequest, login: RegistryLogin | undefined, stderr = '') {
  const work = join(scratchFolder(), 'login');
  const recorded: { auths?: object; mode?: number; args: readonly string[]; asked: string[] } = { args: [], asked: [] };
  const run = async (args: readonly string[], { env = {} }: HelmRunOptions = {}) => {
    recorded.args = args;
    const file = env.HELM_REGISTRY_CONFIG;
    if (file !== undefined) {
      recorded.auths = JSON.parse(readFileSync(file, 'utf8')).auths;
      recorded.mode = statSync(file).mode & 0o777;
    }
    return { stdout: '', stderr, exitCode: stderr === '' ? 0 : 1 };
  };
  await pullChart({ run } as unknown as Helm, request, '/download', work, async (registry, path) => {
    recorded.asked.push(`${registry} ${path}`);
    return login;
  });
  expect(() => statSync(work)).toThrow();
  return recorded;
}

const entry = { auth: Buffer.from('me:geheim').toString('base64') };
const login = { entry, description: 'the login for r.example stored in FILE (user me)' };

describe('a chart of an OCI registry', () => {
  it('is pulled with a login that Helm would not find, in a file readable by the user only', async () => {
    const { asked, auths, mode, args } = await pulled({ chart: 'oci://r.example:5000/charts/web:1.0.0' }, login);
    expect(asked).toEqual(['r.example:5000 charts/web']);
    expect(auths).toEqual({ 'r.example:5000': entry });
    expect(mode).toBe(0o600);
    expect(args.join(' ')).not.toContain('geheim');
  });

  it('is left to Helm without a login', async () => {
    expect((await pulled({ chart: 'oci://r.example/web' }, undefined)).auths).toBeUndefined();
  });

  it.each(['registry-1.docker.io', 'docker.io'])(
    'of Docker Hub named %s gets the login under the legacy key too',
    async (host) => {
      const { auths } = await pulled({ chart: `oci://${host}/bitnamicharts/redis` }, login);
      expect(auths).toEqual({ [host]: entry, 'https://index.docker.io/v1/': entry });
    },
  );

  it('prefers its own credentials', async () => {
    const own = { chart: 'oci://r.example/web', access: { username: 'own', password: 'pw' } };
    const { asked, auths } = await pulled(own, login);
    expect(asked).toEqual([]);
    expect(auths).toEqual({ 'r.example': { auth: Buffer.from('own:pw').toString('base64') } });
  });
});

it('names a refused login in the hint', async () => {
  const stderr = 'Error: GET "https://r.example/v2/web/tags/list": response status code 401: Unauthorized';
  await expect(pulled({ chart: 'oci://r.example/web' }, login, stderr)).rejects.toMatchObject({
    code: 'unauthorized',
    hint: expect.stringContaining(login.description),
  });
});

it('passes no registry login for a chart of a web server', async () => {
  for (const request of [{ chart: 'https://r.example/web.tgz' }, { chart: 'web', repo: 'https://r.example' }]) {
    expect((await pulled(request, login)).asked).toEqual([]);
  }
});

describe('dependencies of OCI registries', () => {
  const find = async (registry: string) => (registry === 'r.example' ? login : undefined);
  const written = async (base: string | undefined, ...repositories: string[]) => {
    const folder = scratchFolder();
    const own = join(folder, 'own.json');
    if (base !== undefined) writeFileSync(own, base);
    const helm = { run: async () => ({ stdout: `${own}\n`, stderr: '', exitCode: 0 }) } as unknown as Helm;
    const { HELM_REGISTRY_CONFIG } = await writeDependencyLogins(helm, repositories, join(folder, 'login'), find);
    return HELM_REGISTRY_CONFIG === undefined ? undefined : JSON.parse(readFileSync(HELM_REGISTRY_CONFIG, 'utf8'));
  };

  it('are fetched with the logins of Helm and with those that it lacks', async () => {
    const base = { auths: { 's.example': { auth: 'eA==' } }, credHelpers: { 't.example': 'x' } };
    expect(await written(JSON.stringify(base), 'oci://r.example/charts', 'oci://s.example', '@named')).toEqual({
      auths: { 's.example': { auth: 'eA==' }, 'r.example': entry },
      credHelpers: { 't.example': 'x' },
    });
  });

  it.each([undefined, '', '{', '[]'])('are fetched when the file of Helm is missing or invalid: %s', async (base) => {
    expect(await written(base, 'oci://r.example')).toEqual({ auths: { 'r.example': entry } });
  });

  it('are left to Helm where nothing is found', async () => {
    expect(await written('{}', 'oci://s.example', 'https://r.example')).toBeUndefined();
  });
});
