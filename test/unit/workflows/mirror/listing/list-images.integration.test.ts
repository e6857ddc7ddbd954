import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readSkopeoSync } from '../../../../../src/cli/config/skopeo-sync.ts';
import type { RegistryClient } from '../../../../../src/registry/client.ts';
import type { Context } from '../../../../../src/session/context.ts';
import { listImages } from '../../../../../src/workflows/mirror/listing/list-images.ts';
import type { ListOptions } from '../../../../../src/workflows/mirror/listing/selection.ts';
import { missingPrograms } from '../../../../support/daemon.ts';
import { buildImage, pushBuilt } from '../../../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../../../support/registry.ts';
import { clientFor } from '../../../../support/registry-client.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

const CONTENT = {
  busybox: ['1.0', '1.1', 'latest'],
  redis: ['1.0', '2.0', '3.0'],
  'team/app': ['v1.0.0', 'v1.9.0', 'v1.10.0', 'v2.0.0-rc.1', 'main'],
  'team/deep/app': ['v1.0.0'],
  'team/nginx': ['1.13.1-alpine-perl', '1.13.2-alpine', '1.13.2-alpine-perl', '1.14'],
} as const;

const context = { emit: () => {}, env: {} } as unknown as Context;
let registry: TestRegistry;
let client: RegistryClient;
let digest: string;
beforeAll(async () => {
  registry = await startRegistry();
  client = clientFor([registry.host]);
  const image = buildImage({ name: 'small', size: 64 });
  digest = image.digest;
  for (const [path, tags] of Object.entries(CONTENT)) {
    for (const tag of tags) await pushBuilt(registry.host, path, tag, image);
  }
});
afterAll(async () => {
  await client.close();
  await registry.stop();
});

/** Lists `path:tag` and `path@digest`. */
async function list(options: Partial<ListOptions>): Promise<readonly string[]> {
  const all = { images: [], registries: [], repositories: [], concurrency: 4, ...options };
  const found = await listImages(context, client, all);
  return found.flatMap(({ repository: { path }, lookups }) =>
    lookups.map((lookup) => `${path}${lookup.includes(':') ? '@' : ':'}${lookup}`),
  );
}

describe('a real registry', () => {
  const from = (selection: Partial<ListOptions['registries'][number]>): Partial<ListOptions> => ({
    registries: [{ registry: registry.host, repositories: [], tags: [], ...selection }],
  });

  it('is listed whole', async () => {
    const all = Object.entries(CONTENT).flatMap(([path, tags]) => tags.map((tag) => `${path}:${tag}`));
    expect([...(await list(from({})))].sort()).toEqual(all.sort());
  });

  it('is listed by pattern, expression and version', async () => {
    const selection = from({ repositories: ['team/*app'], tags: ['^v'], newest: 2 });
    expect(await list(selection)).toEqual(['team/app:v1.10.0', 'team/app:v2.0.0-rc.1', 'team/deep/app:v1.0.0']);
  });

  it('says that a repository does not exist', async () => {
    await expect(list(from({ repositories: ['team/none'] }))).rejects.toMatchObject({ code: 'image-not-found' });
  });

  it('has all pages of its catalogue and tags, however small', async () => {
    const { host } = registry;
    const pages = async (path: string): Promise<string[]> => {
      const response = await fetch(new URL(path, registry.url));
      const link = /<([^>]+)>/.exec(response.headers.get('link') ?? '')?.[1];
      const names = Object.values((await response.json()) as object).find(Array.isArray) as string[];
      return [...names, ...(link === undefined ? [] : await pages(link))];
    };
    expect(await client.catalog(host)).toEqual(await pages('/v2/_catalog?n=2'));
    expect([...(await client.tags({ registry: host, path: 'team/app' }))].sort()).toEqual(
      (await pages('/v2/team/app/tags/list?n=2')).sort(),
    );
  });
});

describe('a file for skopeo sync', () => {
  const missing = missingPrograms('skopeo');
  beforeEach(({ skip }) => skip(missing !== undefined, missing));

  it('selects what skopeo says', async () => {
    const folder = scratchFolder();
    const file = join(folder, 'sync.yaml');
    const fields = `
  images:
    busybox: []
    redis: ["1.0", 2.0, "${digest}"]
    team/deep/app:
    numbers: [1.10, 2, 0x1f, true, 1e3, 2026-01-01]
  images-by-tag-regex:
    team/nginx: ^1\\.13\\.[12]-alpine-perl$
    team/app: 1\\.
`;
    const part = `${registry.host}/team:\n  images: {app: [main]}\n`;
    writeFileSync(file, `${registry.host}:${fields}${part}`);
    // The registry has no TLS, which skopeo takes from the file, and this program does not.
    const insecure = '  tls-verify: false\n';
    writeFileSync(join(folder, 'insecure.yaml'), `${registry.host}:${fields}${insecure}${part}${insecure}`);
    const args = [
      'sync',
      '--dry-run',
      '--scoped',
      '--src',
      'yaml',
      '--dest',
      'dir',
      join(folder, 'insecure.yaml'),
      join(folder, 'out'),
    ];
    const env = { PATH: process.env.PATH, HOME: folder };
    const said = execFileSync('sh', ['-c', 'exec skopeo "$@" 2>&1', 'skopeo', ...args], { encoding: 'utf8', env });
    const copied = [...said.matchAll(/from="docker:\/\/[^/"]+\/([^"]+)"/g)].map(([, name]) => name);
    expect(copied.length).toBeGreaterThan(15);
    expect([...(await list({ repositories: (await readSkopeoSync(file)).repositories }))].sort()).toEqual(
      copied.sort(),
    );
  });
});
