import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { sharedCluster } from '../support/cluster/each-run.ts';
import {
  createNamespace,
  insideHelm,
  installInside,
  PULL_SECRET,
  pushInside,
  type Site,
  uninstallInside,
  valuesInside,
} from '../support/cluster/journey/inside.ts';
import { bundleOutside } from '../support/cluster/journey/outside.ts';
import { redisOperator } from '../support/cluster/journey/real-programs.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { settle } from '../support/cluster/judges/settle.ts';
import { createHeldNamespace, imagesOf } from '../support/cluster/node/hold.ts';
import { scratchFolder } from '../support/scratch.ts';

/**
 * The real redis-operator, which chooses the images of its objects itself, and for which there is no rule: the scan of its program
 * finds them.
 */

const cluster = sharedCluster();
const folder = scratchFolder();
const target = `${cluster.registry}/mirrored`;
const operator = redisOperator();

const NAMESPACE = 'redis-operator';
/** In its program: api/redisfailover/v1/defaults.go. */
const [REDIS, EXPORTER] = ['docker.io/library/redis:6.2.6-alpine', 'quay.io/oliver006/redis_exporter:v1.43.0'];

/** How its Pods name them. */
const PUBLIC = [EXPORTER, 'redis:6.2.6-alpine'];
const WITHOUT_IMAGES = { redis: { replicas: 1, exporter: { enabled: true } }, sentinel: { replicas: 1 } };

let site: Site;
let references: readonly string[];
let said: { code: number; unmapped: string[] };

beforeEach(({ skip }) => {
  if (operator === undefined) skip('redis-operator could not be built');
});

beforeAll(async () => {
  if (operator === undefined) return;
  const [own, file] = [join(folder, 'site.yaml'), join(folder, 'redis.tar')];
  // The chart's list of secrets counts only if a further switch is set.
  writeFileSync(own, stringify({ imageCredentials: { create: true, existsSecrets: [PULL_SECRET] } }));
  const flags = ['-f', own];
  const upstream = [REDIS, EXPORTER];
  references = await bundleOutside([operator.chart], {
    file,
    flags,
    bundleFlags: ['--include-inside'],
    upstream,
    contents: operator.contents,
  });
  const helm = await insideHelm(cluster);
  site = { helm, file, chart: 'redis-operator', version: '3.2.6', namespace: NAMESPACE, values: flags };
  await pushInside(site);
  const { code, stdout, stderr, overrides } = await valuesInside(site, ['--pull-secret', PULL_SECRET, '-o', 'json']);
  const { residue } = JSON.parse(stdout).proof as { residue: { reference: string }[] };
  said = { code, unmapped: residue.map(({ reference }) => reference).sort() };
  await createNamespace(cluster, NAMESPACE);
  const installed = await installInside(site, overrides);
  expect(installed.code, `${stderr}${installed.stderr}`).toBe(0);
});

afterAll(async () => {
  if (operator !== undefined) await uninstallInside(site);
  expect(leaksOf(cluster)).toEqual({ packets: [], names: [] });
});

test('the operator is pulled from the target', async () => {
  const { containers } = await settle(cluster, { namespaces: [NAMESPACE] });
  expect(containers.map(({ image, state }) => [image, state])).toEqual([
    [`${target}/quay.io/spotahome/redis-operator:v1.2.4`, 'pulled'],
  ]);
});

test('Pods of an object without images name the public ones that values lists as unmapped', async () => {
  expect(references).toEqual(['quay.io/spotahome/redis-operator:v1.2.4']);
  expect(said).toEqual({ code: 3, unmapped: [REDIS, EXPORTER] });
  await createHeldNamespace(cluster, 'redis-held');
  await create('redis-held', WITHOUT_IMAGES);
  await expect.poll(() => imagesOf(cluster, 'redis-held'), { timeout: 60_000 }).toEqual(PUBLIC);
  await cluster.run(['kubectl', 'delete', 'namespace', 'redis-held', '--wait=false']);
});

test('Pods of an object that names the images of the bundle at the target pull them', async () => {
  const image = (reference: string) => ({ image: `${target}/${reference}`, imagePullPolicy: 'Always' });
  const secret = { imagePullSecrets: [{ name: PULL_SECRET }] };
  await createNamespace(cluster, 'redis-named');
  await create('redis-named', {
    redis: { replicas: 1, ...image(REDIS), ...secret, exporter: { enabled: true, ...image(EXPORTER) } },
    sentinel: { replicas: 1, ...image(REDIS), ...secret },
  });
  await expect.poll(() => imagesOf(cluster, 'redis-named'), { timeout: 60_000 }).toHaveLength(2);
  const { containers, publicImages } = await settle(cluster, { namespaces: ['redis-named'] });
  expect(publicImages).toEqual([]);
  expect(containers.filter(({ state }) => state !== 'pulled')).toEqual([]);
  await cluster.run(['kubectl', 'delete', 'namespace', 'redis-named', '--wait=false']);
});

test('with mirrors in containerd, Pods of an object without images pull them from the target', async () => {
  const out = join(folder, 'certs.d');
  const flags = ['--to', target, '--ca-file', cluster.caFile, '--format', 'containerd', '--out-dir', out];
  await site.helm.ok(['airgap', 'values', '--all', '--bundle', site.file, ...flags]);
  // As docs/formats.md says.
  const { username, password } = cluster.login;
  const login = Buffer.from(`${username}:${password}`).toString('base64');
  const hosts = ['docker.io', 'quay.io'];
  for (const host of hosts) {
    const headers = `[host."https://${cluster.registry}/v2/mirrored/${host}".header]`;
    appendFileSync(join(out, host, 'hosts.toml'), `${headers}\nauthorization = "Basic ${login}"\n`);
  }
  const node = '/etc/containerd/certs.d';
  expect(await cluster.run(['cp', '-r', ...hosts.map((host) => join(out, host)), node])).toMatchObject({ code: 0 });
  try {
    await createNamespace(cluster, 'redis-mirrored');
    await create('redis-mirrored', WITHOUT_IMAGES);
    await expect.poll(() => imagesOf(cluster, 'redis-mirrored'), { timeout: 60_000 }).toEqual(PUBLIC);
    const { containers } = await settle(cluster, { namespaces: ['redis-mirrored'] });
    expect(containers.filter(({ state }) => state !== 'pulled')).toEqual([]);
    await cluster.kubectl(['delete', 'namespace', 'redis-mirrored']);
  } finally {
    await cluster.run(['rm', '-r', ...hosts.map((host) => join(node, host))]);
  }
});

async function create(namespace: string, spec: object): Promise<void> {
  const object = { apiVersion: 'databases.spotahome.com/v1', kind: 'RedisFailover', metadata: { name: 'cache' }, spec };
  await cluster.kubectl(['-n', namespace, 'create', '-f', '-'], JSON.stringify(object));
}
