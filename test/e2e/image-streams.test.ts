import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { buildConfig, INTERNAL, imageStream, pushed } from '../support/image-streams.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Tags of exported image streams, read through a registry that stands for the route of the internal registry. */

const home = scratchFolder();
const digests = new Map<string, string>();
let route: TestRegistry;
let target: TestRegistry;

async function put(name: string, more = {}): Promise<string> {
  const [repository = '', tag] = name.split(':');
  const digest = await pushImage(route.host, repository, tag, more);
  digests.set(name, digest);
  return digest;
}

async function digestAt(host: string, name: string): Promise<string | null> {
  const [repository, tag] = name.split(':');
  const accept = 'application/vnd.oci.image.index.v1+json';
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept },
  });
  return response.headers.get('docker-content-digest');
}

const flags = (): string[] => [
  ...['--image-streams', 'export', '--registry-route', `${INTERNAL}=${route.host}`],
  ...['--plain-http', route.host, '--plain-http', target.host],
];

beforeAll(async () => {
  [route, target] = await Promise.all([startRegistry(), startRegistry()]);
  const [web, worker, old] = [
    await put('shop/web:latest'),
    await put('shop/worker:stable'),
    await put('release/web:1.4'),
  ];
  const redis = `sha256:${'e'.repeat(64)}`;
  const objects = [
    imageStream('shop/web', { latest: { images: [pushed('shop/web', web)] } }),
    imageStream('shop/worker', { stable: { images: [pushed('shop/worker', worker)] } }),
    imageStream('shop/cache', {
      '7': { from: { kind: 'DockerImage', name: 'redis:7' }, images: [[`docker.io/library/redis@${redis}`, redis]] },
    }),
    imageStream('release/web', { '1.4': { images: [pushed('release/web', old)] } }),
    buildConfig('shop/web', 'web:latest'),
  ];
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(home, 'export'));
  for (const [i, object] of objects.entries()) writeFileSync(join(home, `export/${i}.json`), JSON.stringify(object));
  // The tag moves after the export.
  await pushImage(route.host, 'shop/web', 'latest', { name: 'newer' });
});
afterAll(() => Promise.all([route?.stop(), target?.stop()]));

describe('image streams', () => {
  test('are copied as they were exported, under their own names, and once', async () => {
    const args = ['mirror', ...flags(), '--to', target.host, '-o', 'json'];
    const first = JSON.parse((await airgapOk(args, home, { cwd: home })).stdout);
    expect(first.kind).toBe('Mirror');
    for (const [name, digest] of digests) expect([name, await digestAt(target.host, name)]).toEqual([name, digest]);
    const second = JSON.parse((await airgapOk(args, home, { cwd: home })).stdout);
    expect(second).toEqual({});
  });

  test('become a list for skopeo sync with tags', async () => {
    const { stdout } = await airgapOk(['images', ...flags(), '-o', 'skopeo-sync'], home, { cwd: home });
    expect(stdout).toBe('');
  });

  test('are bundled with their locations', async () => {
    await airgapOk(['bundle', ...flags(), '--out', 'streams.tar'], home, { cwd: home });
    const { stdout } = await airgapOk(['inspect', 'streams.tar', '-o', 'json'], home, { cwd: home });
    console.log(stdout.slice(0, 3000));
  });

  test('need a route', async () => {
    const { code, stderr } = await airgap(['images', '--image-streams', 'export'], home, { cwd: home });
    console.log(stderr);
    expect(code).toBe(2);
  });
});
