import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildArtifact, cosignSignature, listUnderTag, manifestAt, tagFor } from '../support/artifacts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { buildImage, pushBuilt, pushImage } from '../support/images.ts';
import { type ObservingProxy, startObservingProxy } from '../support/observing-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf, treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Lists of images from registry to registry: what is sent, what a second run asks, and what it finds changed. */

const home = scratchFolder();
const list = join(home, 'images.txt');
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const WRITES = /^(?:POST|PUT|PATCH|DELETE)$/;
let registries: readonly [source: TestRegistry, first: TestRegistry, second: TestRegistry];
let source: ObservingProxy;
let first: ObservingProxy;
let second: ObservingProxy;
/** Digest of `team/app:1`, an index with a signature and an SBOM. */
let app: string;

beforeAll(async () => {
  registries = await Promise.all([startRegistry(), startRegistry(), startRegistry()]);
  const [{ host }] = registries;
  [source, first, second] = await Promise.all([
    startObservingProxy(host),
    startObservingProxy(registries[1].host),
    startObservingProxy(registries[2].host),
  ]);
  app = await pushImage(host, 'team/app', '1', { sharedLayer: 'base' });
  await pushImage(host, 'team/app', '2', { sharedLayer: 'base' });
  await pushImage(host, 'team/tool', '1', { sharedLayer: 'base', format: 'docker', platforms: ['linux/amd64'] });
  await pushBuilt(host, 'team/app', tagFor(app, 'sig'), cosignSignature(key, 'team/app', app));
  const type = 'application/spdx+json';
  const sbom = buildArtifact({
    artifactType: type,
    layers: [{ mediaType: type, bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }],
    subject: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: app, size: 1 },
  });
  await pushBuilt(host, 'team/app', undefined, sbom);
  await listUnderTag(host, 'team/app', app, sbom);
  const images = ['team/app:1', 'team/app:2', 'team/tool:1'];
  writeFileSync(list, images.map((image) => `${source.host}/${image}\n`).join(''));
});
afterAll(async () => {
  await Promise.all([source.stop(), first.stop(), second.stop()]);
  await Promise.all(registries.map(({ stop }) => stop()));
});
beforeEach(begin);

function begin(): void {
  for (const proxy of [source, first, second]) proxy.begin();
}

const to = (...targets: readonly ObservingProxy[]): string[] => [
  ...targets.flatMap(({ host }) => ['--to', `${host}/m`, '--plain-http', host]),
  ...['--naming', 'path', '--plain-http', source.host],
];
const mirror = (...args: readonly string[]): string[] => ['mirror', '--images', list, ...args];
const json = async (args: readonly string[]) => JSON.parse((await airgapOk([...args, '-o', 'json'], home)).stdout);
const blobReads = (): string[] =>
  source.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/')).map(({ path }) => path);
const digestsIn = (paths: readonly string[]): string[] => paths.map((path) => path.slice(path.lastIndexOf('/') + 1));

test('a dry run writes nothing, and the run sends the bytes that it said', async () => {
  const plan = await json(mirror(...to(first), '--dry-run'));
  expect(first.count(WRITES)).toBe(0);
  // Nothing but the contents of signature and SBOM, which count as their bytes.
  expect(blobReads().length).toBeLessThanOrEqual(4);
  const receipt = join(home, 'receipt.json');
  const log = join(home, 'mirror.log');
  const done = await json(mirror(...to(first), '--receipt', receipt, '--log-file', log));
  expect(done.bytes).toBe(plan.bytes);
  expect(done.blobs.stored).toBe(plan.blobs);
  expect(treeOf(registries[1], 'm')).toEqual(treeOf(registries[0]));
  await airgapOk(['verify', '--receipt', receipt, '--plain-http', first.host], home);
  const lines = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ event }) => event === 'image')).toHaveLength(3);
  expect(await json(mirror(...to(first), '--dry-run'))).toMatchObject({ blobs: 0, bytes: 0 });
});

test('several targets get the same from one reading', async () => {
  const third = await startRegistry();
  const proxy = await startObservingProxy(third.host);
  try {
    await json(mirror(...to(second, proxy)));
    const digests = digestsIn(blobReads());
    expect(digests.length).toBeGreaterThan(5);
    expect(new Set(digests).size).toBe(digests.length);
    for (const target of [registries[2], third]) expect(treeOf(target, 'm')).toEqual(treeOf(registries[0]));
  } finally {
    await proxy.stop();
    await third.stop();
  }
});

test('with nothing new, each side is asked once for each tag, and nothing is written', async () => {
  const done = await json(mirror(...to(first)));
  expect(done).toMatchObject({ bytes: 0, blobs: { stored: 0, mounted: 0 } });
  expect(first.count(WRITES)).toBe(0);
  expect(blobReads()).toEqual([]);
  // The referrers of the first image are looked for at the source; without referrers API by tags.
  const tags = (proxy: ObservingProxy): number => proxy.count(/^HEAD$/, /\/manifests\/[12]$/);
  expect([tags(source), tags(first)]).toEqual([3, 3]);
  expect(source.count(/./, /\/tags\/list/)).toBeLessThanOrEqual(2);
  expect(source.count(/./, /\/referrers\//)).toBeLessThanOrEqual(3);
  expect(first.count(/./, /\/tags\/list|\/blobs\//)).toBe(0);
});

test('a tag that moved, and a new signature of an old image: only these are sent', async () => {
  const [{ host }] = registries;
  const moved = await pushBuilt(host, 'team/app', '2', buildImage({ name: 'moved', sharedLayer: 'base' }));
  const later = await pushImage(host, 'team/tool', '1', {
    sharedLayer: 'base',
    format: 'docker',
    platforms: ['linux/amd64'],
  });
  await pushBuilt(host, 'team/tool', tagFor(later, 'sig'), cosignSignature(key, 'team/tool', later));
  begin();
  await json(mirror(...to(first)));
  expect(tagsOf(registries[1], 'm')).toEqual(tagsOf(registries[0]));
  expect((await manifestAt(registries[1].host, 'm/team/app', '2'))?.digest).toBe(moved);
  const written = first.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'));
  const names = written.map(({ path }) => path.split('/manifests/')[1]);
  expect(names.filter((name) => !name?.startsWith('sha256:')).sort()).toEqual(['2', tagFor(later, 'sig')]);
  // Two layers and configs of the image, payload and config of the signature; the shared layer is there.
  expect(new Set(digestsIn(blobReads())).size).toBeLessThanOrEqual(6);
});

test('--on-existing-tag skip keeps a tag of the target, and error refuses before anything is sent', async () => {
  const { host } = registries[1];
  const own = await pushBuilt(host, 'm/team/app', '2', buildImage({ name: 'somebody-elses' }));
  begin();
  const refused = await airgap(mirror(...to(first), '--on-existing-tag', 'error'), home);
  expect(refused.code).toBe(1);
  expectLine(refused.stderr, `${first.host}/m/team/app:2`, own);
  expect(first.count(WRITES)).toBe(0);
  const kept = await json(mirror(...to(first), '--on-existing-tag', 'skip'));
  expect(kept.images).toContainEqual(expect.objectContaining({ target: `${first.host}/m/team/app:2`, status: 'kept' }));
  await json(mirror(...to(first)));
  expect(tagsOf(registries[1], 'm')).toEqual(tagsOf(registries[0]));
});

test('--recheck finds content of images that the target has lost below an equal tag, and else writes nothing', async () => {
  const [, { host, repositories }] = registries;
  await json(mirror(...to(first)));
  const whole = treeOf(registries[1], 'm');
  const index = (await manifestAt(host, 'm/team/app', '1'))?.json.manifests as { digest: string }[];
  const children = await Promise.all(index.map(({ digest }) => manifestAt(host, 'm/team/app', digest)));
  const [lost] = children.flatMap((child) => child?.json.layers as { digest: string }[]).reverse();
  rmSync(join(repositories, 'm/team/app/_layers', lost?.digest.replace(':', '/') ?? ''), { recursive: true });
  expect(await json(mirror(...to(first)))).toMatchObject({ bytes: 0 });
  expect(treeOf(registries[1], 'm')).not.toEqual(whole);
  await json(mirror(...to(first), '--recheck'));
  expect(treeOf(registries[1], 'm')).toEqual(whole);
  begin();
  await json(mirror(...to(first), '--recheck'));
  expect(first.count(WRITES)).toBe(0);
});

test('a selected platform has another digest, which a second run knows', async () => {
  const target = await startRegistry();
  const proxy = await startObservingProxy(target.host);
  const args = ['mirror', '--image', `${source.host}/team/app:1`, ...to(proxy), '--no-referrers'];
  try {
    await json([...args, '--platform', 'linux/arm64']);
    const tags = tagsOf(target, 'm');
    expect(tags).toHaveLength(1);
    expect(tags[0]).not.toContain(app);
    proxy.begin();
    await json([...args, '--platform', 'linux/arm64']);
    expect(proxy.count(WRITES)).toBe(0);
  } finally {
    await proxy.stop();
    await target.stop();
  }
});

test('sources and copies that overlap are refused before anything is written, at the first run too', async () => {
  const plain = ['--plain-http', source.host, '--plain-http', first.host];
  for (const args of [
    mirror('--to', source.host, '--naming', 'path'),
    mirror('--to', `${first.host}/m`, '--to', `${source.host}/team`),
    ['mirror', '--from', first.host, '--to', `${first.host}/m`],
    ['mirror', '--from', source.host, '--to', `${source.host}/copies`],
    ['mirror', '--from', source.host, '--repository', 'team/*', '--to', `${source.host}/team/copies`],
  ]) {
    begin();
    const run = await airgap([...args, ...plain], home);
    expect([run.code, first.count(WRITES), source.count(WRITES)], run.stderr).toEqual([2, 0, 0]);
    expectLine(run.stderr, /^Error: /, /team\/(?:app|tool)/);
  }
  const apart = [
    'mirror',
    '--from',
    source.host,
    '--exclude',
    `${source.host}/copies/*`,
    '--to',
    `${source.host}/copies`,
  ];
  for (const copied of [3, 0]) {
    begin();
    await airgapOk([...apart, ...plain], home);
    expect(source.count(/^PUT$/, /\/manifests\/[12]$/)).toBe(copied);
  }
});
