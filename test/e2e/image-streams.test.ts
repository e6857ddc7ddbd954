import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { buildConfig, INTERNAL, imageStream, pushed } from '../support/image-streams.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Tags of exported image streams. A registry stands for the public route of the internal registry. */

const home = scratchFolder();
const cwd = home;
/** Digests at the time of the export, by `NAMESPACE/STREAM:TAG`. */
const digests = new Map<string, string>();
let route: TestRegistry;
let target: TestRegistry;

async function put(name: string): Promise<readonly [string, string]> {
  const [repository = '', tag] = name.split(':');
  const digest = await pushImage(route.host, repository, tag);
  digests.set(name, digest);
  return pushed(repository, digest);
}

async function digestAt(name: string): Promise<string | null> {
  const [repository, tag] = name.split(':');
  const headers = { accept: 'application/vnd.oci.image.index.v1+json' };
  const response = await fetch(`http://${target.host}/v2/${repository}/manifests/${tag}`, { method: 'HEAD', headers });
  return response.headers.get('docker-content-digest');
}

/** Flags that read the export. */
const flags = (): string[] => [
  ...['--image-streams', 'export', '--registry-route', `${INTERNAL}=${route.host}`],
  ...['--plain-http', route.host],
];

beforeAll(async () => {
  [route, target] = await Promise.all([startRegistry(), startRegistry()]);
  const redis = `sha256:${'e'.repeat(64)}`;
  const objects = [
    imageStream('shop/web', { latest: { images: [await put('shop/web:latest')] } }),
    imageStream('shop/worker', { stable: { images: [await put('shop/worker:stable')] } }),
    imageStream('shop/cache', {
      '7': { from: { kind: 'DockerImage', name: 'redis:7' }, images: [[`docker.io/library/redis@${redis}`, redis]] },
      '8': { from: { kind: 'DockerImage', name: 'redis:8' }, failure: 'no such host' },
    }),
    imageStream('release/web', { '1.4': { images: [await put('release/web:1.4')] } }),
    buildConfig('shop/web', 'web:latest'),
  ];
  mkdirSync(join(home, 'export'));
  for (const [i, object] of objects.entries()) writeFileSync(join(home, `export/${i}.json`), JSON.stringify(object));
  // The tag moves after the export.
  await pushImage(route.host, 'shop/web', 'latest', { name: 'newer' });
});
afterAll(() => Promise.all([route?.stop(), target?.stop()]));

describe('tags of image streams', () => {
  test('are classified', async () => {
    const { stdout, stderr } = await airgapOk(['image-streams', 'export'], home, { cwd });
    const rows = stdout.split('\n').slice(1).filter(Boolean);
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 3))).toEqual([
      ['release/web:1.4', 'pushed from outside', 'yes'],
      ['shop/cache:7', 'public', 'no'],
      ['shop/cache:8', 'empty', 'no'],
      ['shop/web:latest', 'built inside', 'yes'],
      ['shop/worker:stable', 'pushed from outside', 'yes'],
    ]);
    expect(stderr).toMatch(/^next: .* mirror --image-streams export --to REGISTRY$/m);
  });

  test('are copied as they were at the export, under their own names; a second run copies nothing', async () => {
    writeFileSync(
      join(home, 'airgap.yaml'),
      `apiVersion: airgap/v1\nkind: Config\nimageStreams: [export]\nregistryRoutes: {'${INTERNAL}': '${route.host}'}\n`,
    );
    const args = ['mirror', '--config', 'airgap.yaml', '--plain-http', route.host, '--plain-http', target.host];
    const run = async (): Promise<unknown[]> => {
      const { stdout } = await airgapOk([...args, '--to', target.host, '-o', 'json'], home, { cwd });
      return JSON.parse(stdout).images.map(({ status }: { status: string }) => status);
    };
    expect(await run()).toEqual(['pushed', 'pushed', 'pushed']);
    for (const [name, digest] of digests) expect([name, await digestAt(name)]).toEqual([name, digest]);
    expect(await run()).toEqual(['present', 'present', 'present']);
  });

  test('are a list that skopeo sync copies, one namespace at a time', async () => {
    const args = ['images', ...flags(), '--exclude', '*/release/*', '-o', 'skopeo-sync'];
    const { stdout } = await airgapOk(args, home, { cwd });
    // In the file, TLS is a matter of the registry; the flag of skopeo has no effect there.
    writeFileSync(join(home, 'sync.yaml'), stdout.replace(/^ {2}images:/m, '  tls-verify: false\n  images:'));
    const tls = '--dest-tls-verify=false';
    const to = `${target.host}/by-skopeo`;
    await program(
      'skopeo',
      ['sync', '--all', '--src', 'yaml', '--dest', 'docker', tls, join(home, 'sync.yaml'), to],
      home,
    );
    expect(await digestAt('by-skopeo/worker:stable')).toBe(digests.get('shop/worker:stable'));
    expect(await digestAt('by-skopeo/web:latest')).not.toBeNull();
    expect(stdout).toContain(`shop/web:latest@${digests.get('shop/web:latest')}`);
  });

  test('are bundled with the object that has them', async () => {
    await airgapOk(['bundle', ...flags(), '--out', 'streams.tar'], home, { cwd });
    const { stdout } = await airgapOk(['inspect', 'streams.tar', '-o', 'json'], home, { cwd });
    const images: { reference: string; found: { kind: string; imageStream: object }[] }[] =
      JSON.parse(stdout).lock.images;
    const web = images.find(({ reference }) => reference.includes('shop/web'));
    expect(web?.reference).toBe(`${route.host}/shop/web:latest@${digests.get('shop/web:latest')}`);
    expect(web?.found).toMatchObject([
      { kind: 'ImageStream', imageStream: { namespace: 'shop', class: 'built', file: 'export/0.json, document 1' } },
    ]);
  });

  test.each([
    ['without a route', ['images', '--image-streams', 'export']],
    ['a route without image streams', ['images', '--image', 'nginx', '--registry-route', 'a.svc:5000=b.example']],
    ['an unreadable one', ['image-streams', 'broken.json']],
  ])('end with 2 for %s, and write nothing', async (_, args) => {
    const stream = readFileSync(join(home, 'export/0.json'), 'utf8');
    writeFileSync(
      join(home, 'broken.json'),
      stream.replace('"latest"', '"la/test"').replaceAll('"tag":"latest"', '"tag":""'),
    );
    const { code, stdout, stderr } = await airgap(args, home, { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Error: .*\n+Hint: /);
  });
});
