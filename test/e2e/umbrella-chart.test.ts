import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, printed, program } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { imagesOf, runInstaller } from '../support/installer.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** An umbrella chart that installs others by a map in its values: one overrides file moves them all, and its installer works offline. */

const home = scratchFolder();
const platform = fixtureChart('platform');
const bundle = join(home, 'platform.tar');
const byMap = ['--set', 'argo=false,flux=false,k3s=false'];
let upstream: TestRegistry;
let isolated: TestRegistry;
let target: string;

beforeAll(async () => {
  upstream = await startRegistry();
  isolated = await startRegistry();
  target = `${isolated.host}/mirror`;
  const helm = helmUnderTest();
  await program(helm, ['package', fixtureChart('shop'), '-d', join(home, 'archives')], home);
  const from = ['--chart-mirror', `*=${join(home, 'archives')}`];
  const { stdout } = await airgapOk(['images', platform, ...byMap, ...from, '-o', 'txt'], home);
  await fillUpstream(upstream.host, stdout.trim().split('\n'));
  const read = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await airgapOk(['bundle', platform, ...byMap, ...from, ...read, '--out', bundle], home);
  await airgapOk(['push', bundle, '--to', target, '--plain-http', isolated.host], home);
});
afterAll(() => Promise.all([upstream.stop(), isolated.stop()]));

function aggregateFor(
  to: string,
  ...flags: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return airgap(
    ['values', 'platform', '--bundle', bundle, '--to', to, '--format', 'aggregate', ...byMap, ...flags],
    home,
  );
}

test('the installer pulls the pushed charts, and each renders private references only', async () => {
  const { code, stdout, stderr } = await aggregateFor(target);
  expect(code).toBe(0);
  expectLine(`${stdout}\n${stderr}`, /shop\W1\.4\.0/, 'charts.shop.values', /\b8\b/);
  const { charts, image } = parse(stdout);
  expect(image).toBe(`${target}/registry.example/platform/installer:1.0.0`);
  expect(Object.keys(charts)).toEqual(['shop']);
  expect(charts.shop).toMatchObject({ repository: `oci://${target}/charts/shop`, version: '1.4.0' });
  const file = join(home, 'aggregate.yaml');
  writeFileSync(file, stdout);
  const render = await program(helmUnderTest(), ['template', 'site', platform, ...byMap, '-f', file], home);
  const { releases, otherCalls: others } = await runInstaller(render, home);
  expect([...releases.keys()]).toEqual(['shop']);
  const images = imagesOf(releases.get('shop') ?? '');
  expect(images).toHaveLength(5);
  expect(images.filter((reference) => !reference.startsWith(`${target}/`))).toEqual([]);
  // Values that the parent gives the child are kept.
  expect(images).toContain(`${target}/registry.example/shop/web:7.0.0`);
  expect(releases.get('shop')).not.toMatch(/(?<!mirror\/)(?:registry\.example|quay\.io|docker\.io)\/[\w/-]+:/);
  expect(others).toEqual([]);
});

test('a second run writes the same bytes', async () => {
  expect((await aggregateFor(target)).stdout).toBe((await aggregateFor(target)).stdout);
});

test('a configuration file gives one file per chart and profile, also for charts that install no others', async () => {
  const config = join(home, 'airgap.yaml');
  const set = ['argo=false', 'flux=false', 'k3s=false'];
  const profiles = [
    { name: 'default', set },
    { name: 'prod', set: [...set, 'charts.shop.values.image.tag=8.0.0'] },
  ];
  const charts = [{ chart: platform, profiles }, { chart: fixtureChart('shop') }];
  writeFileSync(config, JSON.stringify({ apiVersion: 'airgap/v1', kind: 'Config', charts }));
  const out = join(home, 'configured');
  const from = ['--chart-mirror', `*=${join(home, 'archives')}`];
  const args = ['values', '--config', config, '--to', target, '--format', 'aggregate', '--out-dir', out, ...from];
  const run = await airgap(args, home);
  expect(run.code, run.stderr).toBe(0);
  expectLine(printed(run), /shop\W1\.4\.0/, 'prod', 'charts.shop.values', /\b8\b/);
  expect(readdirSync(out).sort()).toEqual(['platform-prod.yaml', 'platform.yaml', 'shop.yaml']);
  const shop = parse(readFileSync(join(out, 'platform-prod.yaml'), 'utf8')).charts.shop;
  expect(shop.repository).toBe(`oci://${target}/charts/shop`);
  expect(parse(readFileSync(join(out, 'shop.yaml'), 'utf8'))).not.toHaveProperty('charts');
});

test('a private ECR gets ecrAuth, unless --no-ecr-auth is given', async () => {
  const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
  const { stdout } = await aggregateFor(`${ecr}/mirror`);
  expect(parse(stdout).ecrAuth).toEqual({ registry: ecr });
  const { stdout: without } = await aggregateFor(`${ecr}/mirror`, '--no-ecr-auth');
  expect(parse(without)).not.toHaveProperty('ecrAuth');
});

test('a nested chart that no value names is reported, and the check fails', async () => {
  const argo = ['--set', 'argo=true'];
  const { code, stderr, stdout } = await aggregateFor(target, ...argo, '--chart-mirror', `*=${join(home, 'archives')}`);
  expect(code).toBe(3);
  expectLine(stderr, 'shop', '1.*', 'Application', 'storefront');
  expectLine(stdout, /^#/, 'shop', '1.*', 'storefront');
});

test('a chart that installs no others is refused', async () => {
  const { code, stdout, stderr } = await airgap(
    ['values', fixtureChart('shop'), '--to', target, '--format', 'aggregate'],
    home,
  );
  expect([code, stdout]).toEqual([2, '']);
  expectLine(stderr, /^Error: /, 'shop');
});

test('other formats can be written from a bundle, including its nested charts', async () => {
  const { stdout } = await airgapOk(
    ['values', 'platform', '--bundle', bundle, '--to', target, '--format', 'map', ...byMap],
    home,
  );
  const { lock } = JSON.parse((await airgapOk(['inspect', bundle, '-o', 'json'], home)).stdout);
  expect(Object.keys(JSON.parse(stdout))).toEqual(lock.images.map(({ reference }: { reference: string }) => reference));
  const folder = join(home, 'certs.d');
  const all = ['values', '--all', '--bundle', bundle, '--to', target, '--plain-http', isolated.host];
  await airgapOk([...all, '--format', 'containerd', '--out-dir', folder], home);
  const toml = readFileSync(join(folder, 'docker.io/hosts.toml'), 'utf8');
  const [, server = ''] = /^server = "(.*)"$/m.exec(toml) ?? [];
  // The request that containerd sends; this registry ignores `ns`.
  const response = await fetch(`${server}/library/busybox/manifests/1.36.1?ns=docker.io`, {
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  expect(response.status).toBe(200);

  // A foreign file is where the last one would go: none is written.
  const foreign = join(home, 'foreign');
  const last = readdirSync(folder).sort().at(-1) ?? '';
  mkdirSync(join(foreign, last), { recursive: true });
  writeFileSync(join(foreign, last, 'hosts.toml'), 'mine');
  expect((await airgap([...all, '--format', 'containerd', '--out-dir', foreign], home)).code).toBe(1);
  expect(readdirSync(foreign)).toEqual([last]);
  expect(readFileSync(join(foreign, last, 'hosts.toml'), 'utf8')).toBe('mine');
});
