import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { expectFacts } from '../support/facts.ts';
import { podList, podObject, running } from '../support/pods.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** What the Pods of a cluster run, as a source of `images`, `bundle` and `mirror`. */

const home = scratchFolder();
const file = (name: string): string => join(home, name);
const RUNNING = `registry.example/team/web@sha256:${'a'.repeat(64)}`;
const IMAGES = ['docker.io/library/redis:7', 'registry.example/kube/etcd:3.6', 'registry.example/team/web:1'];
const pods = podList([
  podObject('web-1', {
    namespace: 'shop',
    initContainers: { wait: { image: 'redis:7' } },
    containers: { web: { image: 'registry.example/team/web:1', imageID: RUNNING, state: running } },
  }),
  podObject('etcd-node-1', {
    namespace: 'kube-system',
    containers: { etcd: { image: 'registry.example/kube/etcd:3.6', state: running } },
    metadata: { ownerReferences: [{ kind: 'Node', name: 'node-1' }] },
  }),
]);
let upstream: TestRegistry;
let target: TestRegistry;
let read: string[];

beforeAll(async () => {
  writeFileSync(file('pods.json'), pods);
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  await fillUpstream(upstream.host, IMAGES);
  read = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

test('images lists them in each format, with namespace, Pod and container', async () => {
  const list = async (format: string, ...more: string[]): Promise<string> =>
    (await airgapOk(['images', '--pods', file('pods.json'), '-o', format, ...more], home)).stdout;
  expect((await list('txt')).trim().split('\n')).toEqual(IMAGES);
  const table = await list('table');
  for (const place of ['Pod shop/web-1/wait', 'Pod shop/web-1/web', 'Pod kube-system/etcd-node-1/etcd']) {
    expect(table).toContain(place);
  }
  for (const format of ['shell', 'hauler', 'zarf', 'skopeo-sync']) expect(await list(format)).toContain('team/web');
  const json = JSON.parse(await list('json'));
  expect(parse(await list('yaml'))).toEqual(json);
  expect(json.images[2]).toMatchObject({
    reference: 'registry.example/team/web:1',
    found: [{ kind: 'Pod', name: 'web-1', pod: { namespace: 'shop', container: 'web', running: RUNNING } }],
  });
  expect((await list('txt', '--exclude', 'registry.example/kube/*=comes with the node')).trim().split('\n')).toEqual(
    IMAGES.filter((image) => !image.includes('/kube/')),
  );
});

test('images takes them from standard input, together with charts', async () => {
  const chart = fixtureChart('fixed');
  const lines = async (...args: string[]): Promise<string[]> =>
    (await airgapOk(['images', ...args, '-o', 'txt'], home, { input: pods })).stdout.trim().split('\n');
  const both = new Set([...IMAGES, ...(await lines(chart))]);
  expect(await lines(chart, '--pods', '-')).toEqual([...both].sort());
  const { stdout } = await airgapOk(['images', '--pods', file('pods.json'), '--why', '*/web:1'], home);
  expectFacts(stdout, 'Pod/web-1 spec.containers[0].image', 'shop', RUNNING);
});

test('bundle and mirror carry them', async () => {
  await airgapOk(['bundle', '--pods', file('pods.json'), ...read, '--out', file('pods.tar')], home);
  const { lock } = JSON.parse((await airgapOk(['inspect', file('pods.tar'), '-o', 'lock'], home)).stdout);
  const { images } = lock;
  expect(images.map(({ reference }: { reference: string }) => reference)).toEqual(IMAGES);
  expect(images[2].found[0].pod).toEqual({ namespace: 'shop', container: 'web', running: RUNNING });
  await airgapOk(['push', file('pods.tar'), '--to', `${target.host}/one`, '--plain-http', target.host], home);
  const copy = ['mirror', '--pods', file('pods.json'), ...read, '--plain-http', target.host];
  await airgapOk([...copy, '--to', `${target.host}/two`], home);
  const chart = fixtureChart('hardcoded');
  const { stdout } = await airgapOk(['images', chart, '-o', 'txt'], home);
  await fillUpstream(upstream.host, stdout.trim().split('\n'));
  await airgapOk([...copy, chart, '--to', `${target.host}/three`], home);
  for (const prefix of ['one', 'two', 'three']) {
    const tags = tagsOf(target, prefix).map((line) => line.split(' ')[0]);
    expect(tags).toEqual(expect.arrayContaining(IMAGES));
  }
});

test('a file that is none, and flags that select images otherwise, are refused', async () => {
  writeFileSync(file('table.txt'), 'NAMESPACE   NAME   READY\nshop        web    1/1\n');
  const notPods = await airgap(['images', '--pods', file('table.txt')], home);
  expect(notPods.code).toBe(2);
  expectFacts(notPods.stderr, 'table.txt', 'kubectl get pods -A -o json');
  expect((await airgap(['images', '--pods', file('absent.json')], home)).code).not.toBe(0);
  const twice = await airgap(['images', '--pods', '-', '--manifests', '-'], home, { input: pods });
  expect(twice.code).toBe(2);
  expectFacts(twice.stderr, '--pods -', '--manifests -');
  await airgapOk(['images', '--pods', file('pods.json'), ...read, '--lock', file('airgap.lock')], home);
  expect(readFileSync(file('airgap.lock'), 'utf8')).toContain(IMAGES[2]);
  const locked = ['bundle', '--lock', file('airgap.lock'), '--out', file('locked.tar'), ...read];
  const refused = await airgap([...locked, '--pods', file('pods.json')], home);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--pods');
  await airgapOk(locked, home);
});
