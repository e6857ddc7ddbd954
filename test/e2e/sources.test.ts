import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Helm } from '../../src/helm/helm.ts';
import { basicOf } from '../support/basic.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, countingHelm, helmUnderTest, program, type Run } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** Charts from a repository, from OCI and from a configuration file; several charts in one bundle; the plugin called by Helm. */

const home = scratchFolder();
const shop = fixtureChart('shop');
let upstream: TestRegistry;
let repository: Server;
let repositoryUrl: string;
let references: string[];

beforeAll(async () => {
  upstream = await startRegistry();
  const folder = join(home, 'repository');
  mkdirSync(folder);
  await program(helmUnderTest(), ['package', shop, '-d', folder], home);
  await program(helmUnderTest(), ['package', fixtureChart('hardcoded'), '-d', folder], home);
  repository = createServer((request, response) => {
    const login = basicOf('reader:secret-word');
    const file = join(folder, request.url?.split('/').pop() ?? '');
    if (request.headers.authorization !== login) response.writeHead(401).end();
    else if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  repository.listen(0, '127.0.0.1');
  await once(repository, 'listening');
  repositoryUrl = `http://127.0.0.1:${(repository.address() as AddressInfo).port}`;
  await program(helmUnderTest(), ['repo', 'index', folder, '--url', repositoryUrl], home);
  references = (await airgapOk(['images', shop, fixtureChart('hardcoded'), '-o', 'txt'], home)).stdout
    .trim()
    .split('\n');
  await fillUpstream(upstream.host, references);
});
afterAll(async () => {
  repository.close();
  await upstream.stop();
});

const login = ['--username', 'reader', '--password', 'secret-word'];
const mirror = (): string[] => ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];

test('a chart by its name in a repository that requires a login', async () => {
  const run = await airgapOk(
    ['images', 'shop', '--repo', repositoryUrl, '--version', '1.4.0', ...login, '-o', 'json'],
    home,
  );
  const { charts, images } = JSON.parse(run.stdout);
  expect(charts).toEqual([{ name: 'shop', version: '1.4.0', source: `${repositoryUrl}/shop`, profiles: ['default'] }]);
  expect(images.length).toBeGreaterThan(5);
  const refused = await airgap(
    ['images', 'shop', '--repo', repositoryUrl, '--username', 'reader', '--password', 'wrong-word'],
    home,
  );
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/Hint: /);
  expect(refused.stderr).not.toContain('wrong-word');
});

test('a chart from an OCI registry keeps its digest', async () => {
  const registry = await startRegistry();
  try {
    const archive = join(
      home,
      'repository',
      readdirSync(join(home, 'repository')).find((file) => file.startsWith('shop')) ?? '',
    );
    writeFileSync(`${archive}.prov`, 'a provenance file');
    await program(helmUnderTest(), ['push', archive, `oci://${registry.host}/charts`, '--plain-http'], home);
    const pushed = await fetch(`${registry.url}/v2/charts/shop/manifests/1.4.0`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    });
    const file = join(home, 'oci.tar');
    const args = [
      'bundle',
      `oci://${registry.host}/charts/shop`,
      '--version',
      '1.4.0',
      '--plain-http',
      registry.host,
      '--out',
      file,
    ];
    // Helm 3.18.0 cannot pull a chart that has a provenance layer (fixed in 3.18.1).
    if (process.env.AIRGAP_TEST_HELM === '3.18.0') {
      expect((await airgap(args, home)).code).toBe(1);
      return;
    }
    await airgapOk(
      [...args.slice(0, 4), ...mirror(), '--mirror', `${registry.host}=${registry.host}`, ...args.slice(4)],
      home,
    );
    const { charts } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
    expect(charts[0].digest).toBe(pushed.headers.get('docker-content-digest'));
  } finally {
    await registry.stop();
  }
});

test('a configuration file with profiles, added and excluded images; one overrides file for each chart', async () => {
  const config = join(home, 'airgap.yaml');
  writeFileSync(
    config,
    `apiVersion: airgap/v1
kind: Config
charts:
  - chart: ${shop}
    profiles:
      - {name: default}
      - {name: other, set: ["image.tag=9.9.9"]}
  - chart: ${fixtureChart('hardcoded')}
images: ["docker.io/library/extra:\${EXTRA}"]
exclude: ["docker.io/library/busybox"]
mirrors: {"*": "${upstream.host}"}
plainHttp: ["${upstream.host}"]
`,
  );
  const listed = JSON.parse(
    (await airgapOk(['images', '--config', config, '--var', 'EXTRA=1', '-o', 'json'], home)).stdout,
  );
  const names: string[] = listed.images.map((image: { reference: string }) => image.reference);
  expect(names).toContain('registry.example/shop/web:9.9.9');
  expect(names).toContain('docker.io/library/extra:1');
  expect(names.some((name) => name.includes('busybox'))).toBe(false);
  await fillUpstream(upstream.host, names);
  const file = join(home, 'both.tar');
  await airgapOk(['bundle', '--config', config, '--var', 'EXTRA=1', '--out', file], home);
  const helm = countingHelm(home);
  const overrides = (which: string[], folder: string): Promise<Run> => {
    const to = ['--to', 'registry.internal.example/mirror', '--out-dir', join(home, folder)];
    return airgap(['values', ...which, ...to], home, { env: { HELM_BIN: helm.path } });
  };
  const all = await overrides(['--all', '--bundle', file], 'all');
  // One chart has an image hard-coded in a template, which was excluded on purpose.
  expect(all.code).toBe(0);
  expectLine(all.stderr, '--exclude docker.io/library/busybox', 'docker.io/library/busybox:');
  expect(readdirSync(join(home, 'all')).sort()).toEqual(['hardcoded.yaml', 'shop.yaml']);

  const configured = ['--config', config, '--var', 'EXTRA=1'];
  const before = helm.renders();
  const profiles = await overrides([...configured, '--bundle', file], 'profiles');
  const withRecipes = helm.renders() - before;
  expect(profiles.code).toBe(0);
  // The bundle has recipes for both profiles, which save the probing renders.
  await overrides(configured, 'derived');
  expect(withRecipes).toBeLessThan(helm.renders() - before - withRecipes);
  expect(readdirSync(join(home, 'profiles')).sort()).toEqual(['hardcoded.yaml', 'shop-other.yaml', 'shop.yaml']);
  const texts = ['shop', 'shop-other'].map((name) => readFileSync(join(home, 'profiles', `${name}.yaml`), 'utf8'));
  expect(texts[0]).toContain('# registry.example/shop/web:1.4.2');
  expect(texts[1]).toContain('# registry.example/shop/web:9.9.9');
  const unset = await airgap(['images', '--config', config], home);
  expect(unset.code).toBe(2);
  expectLine(unset.stderr, /airgap\.yaml:9:\d+/, /\bEXTRA\b/);
});

test('the login of an auth file is not sent to another registry', async () => {
  const file = join(home, 'auth.json');
  const auth = Buffer.from('user:secret-word').toString('base64');
  writeFileSync(file, JSON.stringify({ auths: { 'registry.example': { auth } } }));
  const run = await airgap(
    ['bundle', '--image', `${upstream.host}/nothing:1`, '--plain-http', upstream.host, '--out', join(home, 'n.tar')],
    home,
    {
      env: { REGISTRY_AUTH_FILE: file },
    },
  );
  expect(run.code).toBe(1);
  expect(run.stderr).not.toContain('secret-word');
});

test('called by Helm: the plugin installed from a checkout, with a relative HELM_BIN and a namespace', async () => {
  const env = { HELM_DATA_HOME: join(home, 'plugin-data') };
  const root = join(import.meta.dirname, '../..');
  const options = { env: { PATH: process.env.PATH, HOME: home, ...env }, extendEnv: false, stdin: 'ignore' as const };
  await execa(helmUnderTest(), ['plugin', 'install', root], options);
  const folder = join(helmUnderTest(), '..');
  const run = await execa('./helm', ['airgap', 'images', shop, '-n', 'apart', '--debug', '-o', 'json'], {
    ...options,
    cwd: folder,
  });
  expect(JSON.parse(run.stdout).images.length).toBeGreaterThan(5);

  const version = await execa(helmUnderTest(), ['airgap', 'version', '-o', 'json'], options);
  expect(JSON.parse(version.stdout)).toMatchObject({
    kind: 'Version',
    helm: {
      path: helmUnderTest(),
      version: await new Helm({ env: { HELM_BIN: helmUnderTest() }, cwd: home }).version(),
    },
  });
});
