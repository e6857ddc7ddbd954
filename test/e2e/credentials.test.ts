import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, cleanEnvironment, helmUnderTest, program, type RunOptions } from '../support/cli.ts';
import { expectFacts } from '../support/facts.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** Logins from every place that the plugin reads, for images and for charts that Helm pulls; wrong logins are named. */

// bcrypt of geheim123, as htpasswd -B writes it
const HTPASSWD = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const PASSWORD = 'geheim123';

const home = scratchFolder();
let guarded: TestRegistry;
let upstream: TestRegistry;
let bundle: string;
let variables: string;

beforeAll(async () => {
  [guarded, upstream] = await Promise.all([startRegistry({ htpasswd: HTPASSWD }), startRegistry()]);
  variables = `AIRGAP_AUTH_${guarded.host.replace(/[.:]/g, '_')}`;
  await fillUpstream(upstream.host, ['registry.example/app:1']);
  bundle = join(home, 'b.tar');
  const images = ['--image', 'registry.example/app:1', '--mirror', `*=${upstream.host}`];
  await airgapOk(['bundle', ...images, '--plain-http', upstream.host, '--out', bundle], home);
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', home], home);
  const archive = readdirSync(home).find((file) => file.startsWith('shop-')) ?? '';
  const env = { ...cleanEnvironment(home), HELM_REGISTRY_CONFIG: join(home, 'of-the-test.json') };
  writeFileSync(env.HELM_REGISTRY_CONFIG, JSON.stringify({ auths: entry('user', PASSWORD) }));
  const push = ['push', join(home, archive), `oci://${guarded.host}/charts`, '--plain-http'];
  await execa(helmUnderTest(), push, { env, extendEnv: false, stdin: 'ignore' });
});
afterAll(async () => {
  await Promise.all([guarded.stop(), upstream.stop()]);
});

const entry = (user: string, password: string): object => ({
  [guarded.host]: { auth: Buffer.from(`${user}:${password}`).toString('base64') },
});

/** Options of a run with a password, and the origin of the login that its error has to name. */
type Way = (password: string) => { run: RunOptions; args?: string[]; names: string };

/** A home of its own, without any other login. */
function inFile(path: string): Way {
  return (password) => {
    const own = scratchFolder();
    const file = join(own, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ auths: entry('user', password) }));
    const env = { HOME: own, HELM_CONFIG_HOME: '' };
    return { run: { env }, names: file };
  };
}

const ways: Record<string, Way> = {
  'the command line': (password) => ({
    run: { input: `${password}\n` },
    args: ['--registry-username', `${guarded.host}=user`, '--registry-password-stdin'],
    names: '--registry-username',
  }),
  AIRGAP_AUTH: (password) => ({
    run: { env: { [`${variables}_USERNAME`]: 'user', [`${variables}_PASSWORD`]: password } },
    names: `${variables}_USERNAME`,
  }),
  DOCKER_AUTH_CONFIG: (password) => ({
    run: { env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: entry('user', password) }) } },
    names: 'DOCKER_AUTH_CONFIG',
  }),
  'the file of Helm': inFile('.config/helm/registry/config.json'),
  'the file of Podman': inFile('.config/containers/auth.json'),
  'the file of Docker': inFile('.docker/config.json'),
};

describe.each(Object.entries(ways))('a login in %s', (_, way) => {
  const plain = (): string[] => ['--plain-http', guarded.host];

  test('serves a push, the check of its receipt, and a chart that Helm pulls', async () => {
    const { run, args = [] } = way(PASSWORD);
    const receipt = join(scratchFolder(), 'receipt.json');
    const to = ['--to', `${guarded.host}/mirror`, ...plain(), ...args];
    await airgapOk(['push', bundle, ...to, '--receipt', receipt], home, run);
    await airgapOk(['verify', '--receipt', receipt, ...plain(), ...args], home, run);
    const chart = `oci://${guarded.host}/charts/shop`;
    const { stdout } = await airgapOk(['images', chart, ...plain(), ...args, '-o', 'json'], home, run);
    expect(JSON.parse(stdout).charts).toMatchObject([{ name: 'shop' }]);
  });

  test('that is wrong is named with its user and without its password', async () => {
    const { run, args = [], names } = way('wrong-password');
    const push = ['push', bundle, '--to', `${guarded.host}/other`, ...plain(), ...args];
    const { code, stdout, stderr } = await airgap(push, home, run);
    expect(code).toBe(1);
    expectFacts(stderr, guarded.host, names, /\buser\b/);
    expect(stdout + stderr).not.toContain('wrong-password');
  });
});

test('a missing login differs from a wrong one: the error says where it was looked for', async () => {
  const { code, stderr } = await airgap(
    ['push', bundle, '--to', `${guarded.host}/x`, '--plain-http', guarded.host],
    home,
  );
  expect(code).toBe(1);
  expectFacts(stderr, guarded.host, `${variables}_USERNAME`, /\bhelm\b/i, /\bpodman\b/i, /\bdocker\b/i);
});

test('a login of the environment serves dependencies that Helm fetches, besides those of its own file', async () => {
  const folder = join(scratchFolder(), 'outer');
  mkdirSync(join(folder, 'templates'), { recursive: true });
  const dependency = { name: 'shop', version: '1.4.0', repository: `oci://${guarded.host}/charts` };
  const chart = { apiVersion: 'v2', name: 'outer', version: '1.0.0', dependencies: [dependency] };
  writeFileSync(join(folder, 'Chart.yaml'), JSON.stringify(chart));
  const env = { [`${variables}_USERNAME`]: 'user', [`${variables}_PASSWORD`]: PASSWORD };
  const args = ['images', folder, '--dependency-update', '--plain-http', guarded.host, '-o', 'json'];
  const { stdout } = await airgapOk(args, home, { env });
  expect(JSON.parse(stdout).images.length).toBeGreaterThan(5);
});
