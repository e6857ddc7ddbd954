import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startUpstreamOf } from '../../support/chart-upstream.ts';
import { fixtureChart } from '../../support/charts.ts';
import { airgap } from '../../support/cli.ts';
import { expectFacts } from '../../support/facts.ts';
import { type Fault, type FaultProxy, type Plan, startFaultProxy } from '../../support/fault-proxy.ts';
import { pushBuilt } from '../../support/images.ts';
import { imagesOf } from '../../support/installer.ts';
import { type PageRun, runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { upstreamImage } from '../../support/upstream.ts';

/** All commands of docs/guides/harbor.md, with a real registry behind a proxy that refuses as Harbor does. */

const PAGE = 'docs/guides/harbor.md';
const NODES = 'robot$airgap+nodes';
/** Robot accounts of the page, with their secrets. */
const ROBOTS = ['robot$airgap+push:push-secret', `${NODES}:nodes-secret`, 'robot$hub-proxy+read:read-secret'];
/** Image of Docker Hub in the chart. */
const BUSYBOX = 'docker.io/library/busybox:1.36.1';
const [home, cwd] = [scratchFolder(), scratchFolder()];
let registry: TestRegistry;
let harbor: FaultProxy;
let host: string;
let runs: PageRun[];
let references: readonly string[];

function refusal(status: number, code: string, message: string): Fault {
  return async (exchange) => {
    await exchange.body();
    const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
    exchange.reply({ status, headers, body });
  };
}

/** Projects exist or not, a quota is used up, mounts fail, the catalogue is for administrators. */
const refusals: Plan = ({ method, path }) => {
  if (path.startsWith('/v2/_catalog')) return refusal(401, 'UNAUTHORIZED', 'unauthorized to list catalog');
  const [, project] = /^\/v2\/([^/?]+)\//.exec(path) ?? [];
  if (project === undefined) return undefined;
  if (!['airgap', 'hub-proxy', 'small'].includes(project))
    return refusal(401, 'UNAUTHORIZED', `project ${project} not found: project ${project} not found`);
  if (project === 'hub-proxy' && method !== 'GET' && method !== 'HEAD')
    return refusal(405, 'DENIED', 'can not push artifact to a proxy project: hub-proxy');
  if (project === 'small' && method === 'PUT') {
    const limit = 'which when updated to current usage of 9.9 MiB will exceed the configured upper limit of 10.0 MiB.';
    return refusal(403, 'DENIED', `adding 4.1 KiB of storage resource, ${limit}`);
  }
  if (/[?&]mount=/.test(path)) return refusal(400, 'BAD_REQUEST', 'project not found');
  return undefined;
};

/** Adds what most charts have and the fixture has not: a value with pull secrets, in every pod template. */
function addPullSecrets(chart: string): void {
  for (const name of globSync('{templates,charts/*/templates}/**/{deployment,migrations,statefulset,reachable}.yaml', {
    cwd: chart,
  })) {
    const text = readFileSync(join(chart, name), 'utf8');
    const changed = text.replace(
      /^( +)(?:initContainers|restartPolicy|containers):/m,
      '$1{{- with .Values.global.imagePullSecrets }}\n$1imagePullSecrets: {{ toJson . }}\n$1{{- end }}\n$&',
    );
    writeFileSync(join(chart, name), changed);
  }
  const values = join(chart, 'values.yaml');
  writeFileSync(values, readFileSync(values, 'utf8').replace(/^global:$/m, '$&\n  imagePullSecrets: []'));
}

beforeAll(async () => {
  cpSync(fixtureChart('shop'), join(cwd, 'shop'), { recursive: true });
  addPullSecrets(join(cwd, 'shop'));
  const upstream = await startUpstreamOf(fixtureChart('shop'), home);
  references = upstream.references;
  registry = await startRegistry();
  harbor = await startFaultProxy(registry.host, ROBOTS, 'harbor.example.com');
  harbor.begin(refusals);
  host = harbor.tlsFront.host;
  for (const reference of references.filter((reference) => reference.startsWith('docker.io/'))) {
    const [name = '', tag] = reference.replace('docker.io/', '').split(':');
    await pushBuilt(registry.host, `hub-proxy/${name}`, tag, upstreamImage(reference));
  }
  writeFileSync(join(cwd, 'ca.pem'), harbor.tlsFront.authority);
  for (const name of ['push', 'nodes', 'read']) writeFileSync(join(cwd, `${name}.secret`), `${name}-secret\n`);
  const programs = join(home, 'programs');
  mkdirSync(programs);
  writeFileSync(
    join(programs, 'kubectl'),
    '#!/bin/sh\n[ "$*" = "apply --namespace shop -f regcred.yaml" ] && exit 0\nexit 1\n',
    { mode: 0o755 },
  );
  runs = await runPage(PAGE, {
    cwd,
    home,
    replace: { 'harbor.example.com': host, 'cache.example.com': host, 'helm upgrade --install': 'helm template' },
    env: { PATH: programs },
    flags: (command) => (command === 'bundle' ? upstream.mirror : []),
  });
  await upstream.stop();
});
afterAll(() => Promise.all([harbor?.stop(), registry?.stop()]));

const outputOf = (text: string): string => runs.find((run) => run.text.includes(text))?.output ?? '';

test("Docker Hub's images are read through the proxy cache", () => {
  const lines = readFileSync(join(cwd, 'bundle.log'), 'utf8').trim().split('\n');
  const served = lines
    .map((line) => JSON.parse(line))
    .filter(({ event, item }) => event === 'served' && item === 'manifest');
  expect(served.find(({ reference }) => reference === BUSYBOX)?.repository).toBe(`${host}/hub-proxy/library/busybox`);
});

test('names are those of the page, in the project only', () => {
  const tags = tagsOf(registry).map((line) => line.split(' ')[0] ?? '');
  const tagged = references.filter((reference) => !reference.includes('@'));
  expect(tags).toEqual(expect.arrayContaining([...tagged, 'charts/shop:1.4.0'].map((name) => `airgap/${name}`)));
  expect(tags.filter((tag) => !/^(?:airgap|hub-proxy)\//.test(tag))).toEqual([]);
});

test('Pods pull from the project, with the account of the nodes', () => {
  const render = outputOf('helm upgrade').replace(/^[\s\S]*?(?=^---)/m, '');
  const images = imagesOf(render);
  expect(images.length).toBeGreaterThanOrEqual(5);
  expect(images.filter((image) => !image.startsWith(`${host}/airgap/`))).toEqual([]);
  expect(render.match(/imagePullSecrets: \[\{"name":"regcred"\}\]/g)).toHaveLength(4);
  const secret = parse(readFileSync(join(cwd, 'regcred.yaml'), 'utf8'));
  const [text] = Object.values<string>(secret.data ?? secret.stringData);
  const { auths } = JSON.parse(secret.data === undefined ? (text as string) : atob(text as string));
  expect(atob(auths[host].auth)).toBe(`${NODES}:nodes-secret`);
});

test('the refusals of the page are errors that say what to do', async () => {
  const login = { AIRGAP_AUTH_127_0_0_1_PORT_USERNAME: 'robot$airgap+push' };
  const variables = Object.entries({ ...login, AIRGAP_AUTH_127_0_0_1_PORT_PASSWORD: 'push-secret' });
  const env = Object.fromEntries(
    variables.map(([name, value]) => [name.replace('PORT', host.split(':')[1] ?? ''), value]),
  );
  const push = (to: string) =>
    airgap(['push', join(cwd, 'shop.tar'), '--to', `${host}/${to}`, '--ca-file', join(cwd, 'ca.pem')], home, { env });
  const missing = await push('nowhere');
  expect(missing.code).toBe(1);
  expectFacts(missing.stderr, 'project nowhere not found');
  const full = await push('small');
  expect(full.code).toBe(1);
  expectFacts(full.stderr, /quota|configured upper limit/);
  const cache = await push('hub-proxy');
  expect(cache.code).toBe(1);
  expectFacts(cache.stderr, 'proxy project');
});
