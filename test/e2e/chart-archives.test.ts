import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApiServer } from '../support/api-server.ts';
import { startUpstreamOf } from '../support/chart-upstream.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Charts that carry their overrides, from the bundle to an installation by their OCI address alone; real registries. */

const home = scratchFolder();
const bundle = join(home, 'shop.tar');
const archive = join(home, 'shop-1.4.0.tgz');
const helm = helmUnderTest();
let registry: TestRegistry;
let other: TestRegistry;

beforeAll(async () => {
  const chart = fixtureChart('shop');
  const upstream = await startUpstreamOf(chart, home);
  await airgapOk(['bundle', chart, ...upstream.mirror, '--out', bundle], home);
  await upstream.stop();
  [registry, other] = await Promise.all([startRegistry(), startRegistry()]);
});
afterAll(async () => {
  await Promise.all([registry.stop(), other.stop()]);
});

const to = ({ host }: TestRegistry): string[] => ['--to', `${host}/mirror`, '--plain-http', host];
const address = ({ host }: TestRegistry, path = 'mirror/installed'): string => `oci://${host}/${path}/shop`;
const installed = ['--version', '1.4.0', '--plain-http'];

/** Images in a render, wherever they are. */
function imagesIn(render: string): string[] {
  const manifests = render.replace(/^# Source: .*$/gm, '');
  return [...new Set(manifests.match(/[\w.:-]+(?:\/[\w.-]+)+(?::[\w.-]+)?(?:@sha256:\w+)?(?=["\s]|$)/gm))]
    .filter((text) => /(?:shop|shop-tools|library)\/[a-z]/.test(text))
    .sort();
}

async function manifestOf(host: string, repository: string, tag: string): Promise<Record<string, unknown>> {
  const types = [
    'oci.image.manifest.v1',
    'oci.image.index.v1',
    'docker.distribution.manifest.v2',
    'docker.distribution.manifest.list.v2',
  ];
  const headers = { accept: types.map((type) => `application/vnd.${type}+json`).join(', ') };
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers });
  return { digest: answer.headers.get('docker-content-digest'), ...((await answer.json()) as object) };
}

test('a chart with its overrides is pushed beside the upstream chart, and installed without values', async () => {
  const receipt = join(home, 'receipt.json');
  const values = ['values', 'shop', '--bundle', bundle, ...to(registry), '--format', 'chart', '--out', archive];
  const written = JSON.parse((await airgapOk([...values, '-o', 'json'], home)).stdout);
  const push = ['push', bundle, '--chart-archive', archive, '--chart-prefix', 'mirror/installed', ...to(registry)];
  const plan = JSON.parse((await airgapOk([...push, '--dry-run', '-o', 'json'], home)).stdout);
  expect(plan.items.map(({ target }: { target: string }) => target)).toContain(
    `${registry.host}/mirror/installed/shop:1.4.0`,
  );
  expect(await (await fetch(`${registry.url}/v2/_catalog`)).json()).toEqual({ repositories: [] });
  const pushed = await airgapOk([...push, '--receipt', receipt], home);
  expect(pushed.stderr).toContain(
    `next: helm upgrade --install shop ${address(registry)} --version 1.4.0 --plain-http`,
  );
  await airgapOk(['verify', bundle, '--receipt', receipt, '--plain-http', registry.host], home);

  // The upstream chart is there, too, and the changed one names it by the digests of its archive and of its manifest.
  const upstream = await manifestOf(registry.host, 'mirror/charts/shop', '1.4.0');
  const changed = await manifestOf(registry.host, 'mirror/installed/shop', '1.4.0');
  expect(changed).toMatchObject({
    annotations: {
      'vnd.helm-airgap.upstream-digest': (upstream.layers as { digest: string }[])[0]?.digest,
      'vnd.helm-airgap.upstream-manifest-digest': upstream.digest,
    },
    layers: [{ digest: written.chartArchive.digest }],
  });

  const render = await program(helm, ['template', 'shop', address(registry), ...installed], home);
  const images = imagesIn(render);
  expect(images.length).toBeGreaterThan(5);
  expect(images.filter((image) => !image.startsWith(`${registry.host}/mirror/`))).toEqual([]);
  const cluster = await startApiServer();
  try {
    const server = `http://127.0.0.1:${(cluster.address() as AddressInfo).port}`;
    const dry = ['--dry-run=client', '--disable-openapi-validation', '--kube-apiserver', server];
    const output = await program(helm, ['install', 'shop', address(registry), ...installed, ...dry], home);
    expect(imagesIn(output)).toEqual(images);
  } finally {
    cluster.close();
  }
  for (const image of images) {
    const [name = '', digest] = image.slice(registry.host.length + 1).split('@');
    const [repository = '', tag = ''] = name.split(':');
    await expect(manifestOf(registry.host, repository, digest ?? tag), image).resolves.toMatchObject({
      schemaVersion: 2,
    });
  }
});

test("users' own values still win over what the chart carries", async () => {
  const site = join(home, 'site.yaml');
  writeFileSync(site, 'replicas: 7\nimage: {registry: own.example, repository: team/shop/web, tag: "9"}\n');
  const render = await program(helm, ['template', 'shop', address(registry), ...installed, '-f', site], home);
  expect(render).toContain('replicas: 7');
  expect(imagesIn(render).filter((image) => !image.startsWith(`${registry.host}/mirror/`))).toEqual([
    'own.example/team/shop/web:9',
  ]);
  const set = ['--set', 'global.imageRegistry=all.example', '--set', 'cache.enabled=false'];
  const everywhere = await program(helm, ['template', 'shop', address(registry), ...installed, ...set], home);
  expect(imagesIn(everywhere)).toContain('all.example/shop/web:1.4.2');
});

test('several targets get the archive, and a changed one is not written over it', async () => {
  const push = ['push', '--chart-archive', archive, '--chart-prefix', 'own', ...to(registry), ...to(other)];
  const { items } = JSON.parse((await airgapOk([...push, '-o', 'json'], home)).stdout);
  expect(items.map(({ charts }: { charts: { target: string }[] }) => charts.map(({ target }) => target))).toEqual([
    [`${registry.host}/own/shop:1.4.0`],
    [`${other.host}/own/shop:1.4.0`],
  ]);
  const again = JSON.parse((await airgapOk([...push, '-o', 'json'], home)).stdout);
  expect(again.items.map(({ charts }: { charts: { status: string }[] }) => charts[0]?.status)).toEqual([
    'present',
    'present',
  ]);

  const changed = join(home, 'changed.tgz');
  const values = ['values', fixtureChart('shop'), '--to', 'other.example', '--format', 'chart', '--out', changed];
  await airgapOk(values, home);
  const over = ['push', '--chart-archive', changed, '--chart-prefix', 'own', ...to(registry)];
  expect(await airgap(over, home)).toMatchObject({ code: 1, stderr: expect.stringContaining('own/shop:1.4.0') });
  await airgapOk([...over, '--on-existing-tag', 'overwrite'], home);
});

test('the artifact is the one of helm push, but for the time of creation', async () => {
  await program(helm, ['push', archive, `oci://${other.host}/helm`, '--plain-http'], home);
  const theirs = await manifestOf(other.host, 'helm/shop', '1.4.0');
  const ours = await manifestOf(other.host, 'own/shop', '1.4.0');
  const { 'org.opencontainers.image.created': created, ...annotations } = theirs.annotations as Record<string, string>;
  expect(created).toMatch(/^\d{4}-/);
  const withoutDigest = ({ digest: _, mediaType: _type, ...manifest }: Record<string, unknown>) => manifest;
  expect(withoutDigest({ ...theirs, annotations })).toEqual(withoutDigest(ours));
});

test('all charts of a bundle are written to a folder, and pushed together', async () => {
  const charts = join(home, 'charts');
  const args = ['values', '--all', '--bundle', bundle, ...to(registry), '--format', 'chart', '--out', charts];
  const { stdout } = await airgapOk(args, home, { cwd: home });
  expect(stdout).toBe('charts/shop-1.4.0.tgz written\n');
  // The same bundle, values and target give the same archive.
  expect(digestOf(readFileSync(join(charts, 'shop-1.4.0.tgz')))).toBe(digestOf(readFileSync(archive)));
});

test('bad input is refused before anything is sent', async () => {
  const folder = join(home, 'folder');
  const text = join(home, 'text.tgz');
  mkdirSync(folder, { recursive: true });
  writeFileSync(text, 'not an archive');
  const bad: readonly (readonly [readonly string[], number])[] = [
    [[], 2],
    [['--chart-archive', archive], 2],
    [['--chart-archive', archive, '--chart-prefix', 'mirror/charts'], 2],
    [['--chart-archive', archive, '--chart-prefix', 'Own'], 2],
    [['--chart-archive', archive, '--chart-prefix', 'own', '--image', '*'], 2],
    [[bundle, '--chart-archive', archive, '--chart-prefix', 'own', '--require-signature', 'key.pub'], 2],
    [['--chart-archive', folder], 2],
    [['--chart-archive', text], 1],
    [['--chart-archive', join(home, 'none.tgz')], 1],
  ];
  const empty = await startRegistry();
  try {
    for (const [args, code] of bad) {
      const run = await airgap(['push', ...args, ...to(empty)], home);
      expect(run.code, `${args.join(' ')}: ${run.stderr}`).toBe(code);
      expect(run.stderr).toMatch(/^Error: .+\nHint: /m);
    }
    expect(await (await fetch(`${empty.url}/v2/_catalog`)).json()).toEqual({ repositories: [] });
  } finally {
    await empty.stop();
  }
});
