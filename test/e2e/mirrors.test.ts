import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy, type TamperingProxy } from '../support/tampering-proxy.ts';

/** Mirrors in order, and Public ECR in place of Docker Hub: the bundle is the same wherever its content comes from. */

const home = scratchFolder();
const at = (name: string): string => join(home, name);
let near: TestRegistry;
let far: TestRegistry;
/** In front of `near`: changes every blob. */
let damaging: TamperingProxy;
let dead: string;
const images = ['--image', 'quay.io/team/app:1', '--image', 'quay.io/team/other:1', '--image', 'nginx:1'];
let expected: Buffer;

const plain = (): string[] => [near.host, far.host, damaging.host, dead].flatMap((host) => ['--plain-http', host]);
const mirrors = (...pairs: string[]): string[] => pairs.flatMap((pair) => ['--mirror', pair]);

/** Returns the `served` events of a log without their times. */
function served(log: string): { readonly item: string; readonly reference: string; readonly repository: string }[] {
  const events = readFileSync(at(log), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return events
    .filter(({ event }) => event === 'served')
    .map(({ item, reference, repository }) => ({ item, reference, repository }));
}

beforeAll(async () => {
  [near, far] = [await startRegistry(), await startRegistry()];
  damaging = await startTamperingProxy(near.host, (method, path) =>
    method === 'GET' && path.includes('/blobs/') ? { kind: 'flip-first-byte' } : undefined,
  );
  dead = `127.0.0.1:${await freePort()}`;
  for (const { host } of [near, far]) await pushImage(host, 'quay/team/app', '1', { size: 300_000 });
  await pushImage(far.host, 'quay/team/other', '1', { size: 2000 });
  await pushImage(far.host, 'hub/library/nginx', '1', { size: 2000 });
  const all = mirrors(`quay.io=${far.host}/quay`, `docker.io=${far.host}/hub`);
  await airgapOk(['bundle', ...images, ...all, ...plain(), '--out', at('expected.tar')], home);
  expected = readFileSync(at('expected.tar'));
});
afterAll(() => Promise.all([near.stop(), far.stop(), damaging.stop()]));

describe('a list of mirrors', () => {
  test('with a dead one first gives the same bundle, and the log says which one served', async () => {
    const list = mirrors(`*=${dead}`, `quay.io=${dead}`, `quay.io=${near.host}/quay`, `quay.io=${far.host}/quay`);
    const hub = mirrors(`docker.io=${far.host}/hub`);
    const files = ['--out', at('list.tar'), '--log-file', at('list.log')];
    const run = await airgapOk(['bundle', ...images, ...list, ...hub, ...plain(), ...files], home);
    expect(run.stderr).not.toContain('warning');
    expect(readFileSync(at('list.tar')).equals(expected)).toBe(true);
    const manifests = served('list.log').sort((a, b) => (a.reference < b.reference ? -1 : 1));
    expect(manifests).toEqual([
      { item: 'manifest', reference: 'docker.io/library/nginx:1', repository: `${far.host}/hub/library/nginx` },
      { item: 'manifest', reference: 'quay.io/team/app:1', repository: `${near.host}/quay/team/app` },
      { item: 'manifest', reference: 'quay.io/team/other:1', repository: `${far.host}/quay/team/other` },
    ]);
  });

  test('with one that damages layers gives the same bundle', async () => {
    const list = mirrors(`quay.io=${damaging.host}/quay`, `quay.io=${far.host}/quay`, `docker.io=${far.host}/hub`);
    const files = ['--out', at('damaged.tar'), '--log-file', at('damaged.log')];
    await airgapOk(['bundle', ...images, ...list, ...plain(), ...files], home);
    expect(readFileSync(at('damaged.tar')).equals(expected)).toBe(true);
    const blobs = served('damaged.log').filter(({ item }) => item === 'blob');
    expect(blobs.length).toBeGreaterThan(0);
    for (const { repository } of blobs) expect(repository).toBe(`${far.host}/quay/team/app`);
  });

  test('stands in airgap.yaml too, after those of the command line', async () => {
    const config = {
      apiVersion: 'airgap/v1',
      kind: 'Config',
      images: ['quay.io/team/app:1', 'quay.io/team/other:1', 'nginx:1'],
      mirrors: { 'quay.io': [dead, `${far.host}/quay`], 'docker.io': `${far.host}/hub` },
      plainHttp: [near.host, far.host, dead],
    };
    writeFileSync(at('airgap.yaml'), JSON.stringify(config));
    const files = ['--out', at('config.tar'), '--log-file', at('config.log')];
    const flags = ['--config', at('airgap.yaml'), ...mirrors(`quay.io=${near.host}/quay`)];
    await airgapOk(['bundle', ...flags, ...files], home);
    expect(readFileSync(at('config.tar')).equals(expected)).toBe(true);
    expect(served('config.log').find(({ reference }) => reference === 'quay.io/team/app:1')).toMatchObject({
      repository: `${near.host}/quay/team/app`,
    });
  });

  test('with a pull-through cache first takes the rest from the next one when the cache is cut off', async () => {
    const link = await startTamperingProxy(far.host, () => undefined);
    const cache = await startRegistry({ cacheOf: `http://${link.host}` });
    let isLinked = true;
    try {
      const list = mirrors(`quay.io=${cache.host}/quay`, `quay.io=${far.host}/quay`);
      const bundle = ['bundle', ...list, ...plain(), '--plain-http', cache.host, '--out'];
      const first = ['--image', 'quay.io/team/app:1', '--log-file', at('cached.log')];
      await airgapOk([...bundle, at('cached.tar'), ...first], home);
      expect(new Set(served('cached.log').map(({ repository }) => repository))).toEqual(
        new Set([`${cache.host}/quay/team/app`]),
      );
      await link.stop();
      isLinked = false;
      const hub = mirrors(`docker.io=${far.host}/hub`);
      await airgapOk([...bundle, at('cut-off.tar'), ...images, ...hub, '--log-file', at('cut-off.log')], home);
      expect(readFileSync(at('cut-off.tar')).equals(expected)).toBe(true);
      expect(served('cut-off.log')).toContainEqual({
        item: 'manifest',
        reference: 'quay.io/team/other:1',
        repository: `${far.host}/quay/team/other`,
      });
    } finally {
      await cache.stop();
      if (isLinked) await link.stop();
    }
  });

  test('without the image names each mirror and its cause', async () => {
    const list = mirrors(`quay.io=${dead}`, `quay.io=${near.host}/quay`);
    const image = ['--image', 'quay.io/team/other:1'];
    const run = await airgap(['bundle', ...image, ...list, ...plain(), '--out', at('none.tar')], home);
    expect(run.code).toBe(1);
    expectFacts(run.stderr, 'quay.io/team/other:1', dead, 'refused', `${near.host}/quay/team/other`, '404');
  });
});

describe('--prefer-public-ecr', () => {
  test('reads from Public ECR what has the same digest, and gives the same bundle', async () => {
    await pushImage(near.host, 'ecr/docker/library/nginx', '1', { name: 'hub/library/nginx:1', size: 2000 });
    await pushImage(near.host, 'ecr/docker/library/redis', '1', { name: 'rebuilt', size: 2000 });
    await pushImage(far.host, 'hub/library/redis', '1', { size: 2000 });
    await pushImage(far.host, 'hub/library/busybox', '1', { size: 2000 });
    const all = [...images, '--image', 'redis:1', '--image', 'busybox:1'];
    const sources = mirrors(`quay.io=${far.host}/quay`, `docker.io=${far.host}/hub`, `public.ecr.aws=${near.host}/ecr`);
    const flags = ['bundle', ...all, ...sources, ...plain()];
    const files = ['--out', at('ecr.tar'), '--log-file', at('ecr.log')];
    const without = await airgapOk([...flags, '--out', at('hub.tar')], home);
    expect(without.stderr).toContain('public.ecr.aws');
    const run = await airgapOk([...flags, '--prefer-public-ecr', ...files], home);
    expectLine(run.stderr, 'Public ECR', /1 of 3 images/, 'docker.io/library/redis:1', 'docker.io/library/busybox:1');
    expect(run.stderr).not.toContain('warning');
    expect(readFileSync(at('ecr.tar')).equals(readFileSync(at('hub.tar')))).toBe(true);
    expect(served('ecr.log').filter(({ reference }) => reference.startsWith('docker.io/'))).toEqual(
      expect.arrayContaining([
        {
          item: 'manifest',
          reference: 'docker.io/library/nginx:1',
          repository: `${near.host}/ecr/docker/library/nginx`,
        },
        { item: 'manifest', reference: 'docker.io/library/redis:1', repository: `${far.host}/hub/library/redis` },
      ]),
    );
  });

  test('does without Public ECR if it does not answer', async () => {
    const sources = mirrors(`quay.io=${far.host}/quay`, `docker.io=${far.host}/hub`, `public.ecr.aws=${dead}`);
    const files = ['--out', at('without.tar')];
    const run = await airgapOk(['bundle', ...images, ...sources, ...plain(), '--prefer-public-ecr', ...files], home);
    expect(run.stderr.match(/^warning:/gm)).toHaveLength(1);
    expectLine(run.stderr, /^warning:/, dead);
    expect(readFileSync(at('without.tar')).equals(expected)).toBe(true);
  });
});

describe('mirror', () => {
  test('reads from the list and from Public ECR, and has nothing to do the second time', async () => {
    const target = await startRegistry();
    try {
      const sources = [
        ...mirrors(`quay.io=${dead}`, `quay.io=${near.host}/quay`, `quay.io=${far.host}/quay`),
        ...mirrors(`docker.io=${far.host}/hub`, `public.ecr.aws=${near.host}/ecr`),
      ];
      const flags = [...images, ...sources, ...plain(), '--plain-http', target.host, '--prefer-public-ecr'];
      const run = ['mirror', ...flags, '--to', `${target.host}/m`, '-o', 'json', '--log-file'];
      await airgapOk([...run, at('mirror.log')], home);
      const repositories = served('mirror.log').map(({ repository }) => repository);
      expect(new Set(repositories)).toEqual(
        new Set([`${near.host}/quay/team/app`, `${far.host}/quay/team/other`, `${near.host}/ecr/docker/library/nginx`]),
      );
      await airgapOk([...run, at('again.log')], home);
      expect(served('again.log')).toEqual([]);
    } finally {
      await target.stop();
    }
  });
});
