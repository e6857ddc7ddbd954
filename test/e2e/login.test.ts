import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePullSecret } from '../../src/kubernetes/pull-secret.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, cleanEnvironment, helmUnderTest, launcher, program } from '../support/cli.ts';
import { startEcr, type TestEcr } from '../support/ecr.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { inTerminal, withoutTmux } from '../support/tmux.ts';

/** A login by `helm airgap login` is used by Helm, Skopeo and this plugin; wrong ones are not stored. */

// bcrypt of geheim123, as htpasswd -B writes it
const HTPASSWD = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const PASSWORD = 'geheim123';
const AWS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example-of-aws' };

let registry: TestRegistry;
let ecr: TestEcr;
let archive: string;

beforeAll(async () => {
  [registry, ecr] = await Promise.all([
    startRegistry({ htpasswd: HTPASSWD }),
    startEcr({ repositories: ['charts/shop'] }),
  ]);
  const folder = scratchFolder();
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', folder], folder);
  archive = join(folder, readdirSync(folder).find((name) => name.startsWith('shop-')) ?? '');
});
afterAll(() => Promise.all([registry?.stop(), ecr?.stop()]));

const inEcr = (): string[] => [
  ecr.host,
  '--registry-type',
  'ecr',
  '--region',
  'eu-central-1',
  '--plain-http',
  ecr.host,
];
const inRegistry = (...more: string[]): string[] => [registry.host, '--plain-http', registry.host, ...more];
const BY_USER = ['--username', 'user', '--password-stdin'];
const endpoint = (): Record<string, string> => ({ ...AWS, AWS_ENDPOINT_URL_ECR: ecr.endpoint });
const configs = (home: string): string[] => [
  join(home, 'helm/config/registry/config.json'),
  join(home, '.docker/config.json'),
];

/** Pulls the chart with Helm, by the login that it finds. */
async function pull(host: string, home: string): Promise<string[]> {
  const folder = scratchFolder();
  const args = ['pull', `oci://${host}/charts/shop`, '--plain-http', '-d', folder];
  await execa(helmUnderTest(), args, { env: cleanEnvironment(home), extendEnv: false, stdin: 'ignore' });
  return readdirSync(folder);
}

describe('a login with a user and a password', () => {
  test('serves a push, Helm and Skopeo', async () => {
    const home = scratchFolder();
    const { stdout, stderr } = await airgapOk(['login', ...inRegistry(...BY_USER)], home, { input: `${PASSWORD}\n` });
    expect(stdout + stderr).not.toContain(PASSWORD);
    const to = ['--to', registry.host, '--plain-http', registry.host];
    await airgapOk(['push', '--chart-archive', archive, ...to], home);
    expect(await pull(registry.host, home)).toHaveLength(1);
    const source = `docker://${registry.host}/charts/shop:1.4.0`;
    const inspected = await program('skopeo', ['inspect', '--raw', '--tls-verify=false', source], home);
    expect(JSON.parse(inspected).layers).toHaveLength(1);
    const secret = await airgapOk(['login', ...inRegistry('--print-secret', 'regcred')], home, {
      env: { HELM_NAMESPACE: 'apps' },
    });
    const { name, namespace, keychain } = parsePullSecret(secret.stdout, 'standard output');
    expect([name, namespace, await keychain.lookup(registry.host)]).toMatchObject([
      'regcred',
      'apps',
      { username: 'user', password: PASSWORD },
    ]);
    expect(secret.stderr).not.toContain(PASSWORD);
  });

  test.each(['helm', 'docker'])('can be stored for %s only', async (only) => {
    const home = scratchFolder();
    const args = ['login', ...inRegistry(...BY_USER, '--only', only), '-o', 'json'];
    const { stdout } = await airgapOk(args, home, { input: PASSWORD });
    const [helm, docker] = configs(home);
    const { stored, checked } = JSON.parse(stdout);
    expect([stored, checked]).toEqual([[{ file: only === 'helm' ? helm : docker }], true]);
    expect(configs(home).filter(existsSync)).toHaveLength(1);
  });

  test('that is wrong is not stored, and neither is one for a host that does not answer', async () => {
    const home = scratchFolder();
    const before = '{"auths":{"other.example":{"auth":"eDp5"}}}';
    mkdirSync(join(home, '.docker'));
    writeFileSync(join(home, '.docker/config.json'), before);
    const input = 'wrong-word';
    const runs = [
      await airgap(['login', ...inRegistry(...BY_USER), '-o', 'json'], home, { input }),
      await airgap(['login', 'registry.invalid', ...BY_USER], home, { input, env: { HELM_DEBUG: 'true' } }),
    ];
    for (const { code, stdout, stderr } of runs) {
      expect(code).toBe(1);
      expect(stdout + stderr).not.toMatch(/wrong-word|dXNlcjp3cm9uZy13b3Jk/);
    }
    expect(readFileSync(join(home, '.docker/config.json'), 'utf8')).toBe(before);
    expect(existsSync(configs(home)[0] as string)).toBe(false);
  });

  test('is asked for in a terminal', async ({ skip }) => {
    if (withoutTmux !== undefined) skip(withoutTmux);
    const home = scratchFolder();
    const command = `'${launcher}' login ${inRegistry().join(' ')}`;
    await inTerminal(command, { columns: 100, rows: 20, env: cleanEnvironment(home), cwd: home }, async (terminal) => {
      await terminal.waitFor((screen) => screen.includes('User name'));
      await terminal.type('user', 'Enter');
      await terminal.waitFor((screen) => screen.includes('Password'));
      await terminal.type(PASSWORD, 'Enter');
      expect(await terminal.ended()).toBe(0);
      expect(terminal.bytes().toString()).not.toContain(PASSWORD);
    });
    expect(configs(home).every(existsSync)).toBe(true);
  });
});

describe('a login to ECR', () => {
  test('gets a token, which Helm uses, and says when it ends', async () => {
    const home = scratchFolder();
    const { stdout } = await airgapOk(['login', ...inEcr(), '-o', 'json'], home, { env: endpoint() });
    const { username, expires } = JSON.parse(stdout);
    expect(username).toBe('AWS');
    const hours = (Date.parse(expires) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(11);
    const { auths } = JSON.parse(readFileSync(configs(home)[1] as string, 'utf8'));
    const { auth } = auths[ecr.host];
    expect(stdout).not.toContain(auth);
    const push = ['push', archive, `oci://${ecr.host}/charts`, '--plain-http'];
    await execa(helmUnderTest(), push, { env: cleanEnvironment(home), extendEnv: false, stdin: 'ignore' });
    expect([...(ecr.repositories.get('charts/shop')?.tags.keys() ?? [])]).toEqual(['1.4.0']);
  });

  test('can be a pull secret, with a note on its life', async () => {
    const home = scratchFolder();
    const run = await airgapOk(['login', ...inEcr(), '--print-secret', 'ecr'], home, { env: endpoint() });
    const { keychain } = parsePullSecret(run.stdout, 'standard output');
    expect(await keychain.lookup(ecr.host)).toMatchObject({ username: 'AWS' });
    for (const text of [run.stdout, run.stderr]) expect(text).toContain('ecr-credential-provider');
    expect(configs(home).filter(existsSync)).toEqual([]);
  });

  test('that AWS refuses is not stored', async () => {
    const home = scratchFolder();
    ecr.fault({ match: 'GetAuthorizationToken', status: 400, code: 'AccessDeniedException', message: 'no' });
    const { code, stdout, stderr } = await airgap(['login', ...inEcr()], home, { env: endpoint() });
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain(AWS.AWS_SECRET_ACCESS_KEY);
    expect(configs(home).filter(existsSync)).toEqual([]);
  });
});
