import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildArtifact, cosignSignature, listUnderTag, tagFor } from '../support/artifacts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { compileWithModules } from '../support/go.ts';
import { buildImage, pushBuilt } from '../support/images.ts';
import {
  type RealRegistry,
  startDistribution,
  startMemory,
  startTokenServer,
  startZot,
  type TokenServer,
  withoutZot,
} from '../support/real-registries.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';

/** Registries of other makers, end to end: pull, push, push again, and their content afterwards. */

const home = scratchFolder();
const program = join(scratchFolder(), 'registries');
const account = 'user:geheim123';
// bcrypt of geheim123, as htpasswd -B writes it
const htpasswd = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const images = ['team/app:1', 'team/docker:v1.0'];
const bundle = join(home, 'bundle.tar');

let missing: string | undefined;
let origin: RealRegistry;
let tokens: TokenServer;
/** Digests of the images and of their referrers. */
let content: readonly string[];

beforeAll(async () => {
  missing = compileWithModules('registries', program);
  if (missing !== undefined) return;
  [origin, tokens] = await Promise.all([startMemory(program), startTokenServer(account)]);
  await fill(origin.host);
  await airgapOk(['bundle', ...named(origin.host, 'upstream'), '--out', bundle], home);
  content = await contentOf(bundle);
  expect(content).toHaveLength(4);
}, 220_000);

afterAll(async () => {
  await Promise.all([origin?.stop(), tokens?.stop()]);
});

/** An image with platforms, a signature and an SBOM, and one of Docker's media types. */
async function fill(host: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const repository = 'upstream/team/app';
  const index = await pushBuilt(host, repository, '1', buildImage({ name: 'app', sharedLayer: 'base', size: 300_000 }));
  await pushBuilt(host, repository, tagFor(index, 'sig'), cosignSignature(privateKey, repository, index));
  const type = 'application/spdx+json';
  const sbom = buildArtifact({
    artifactType: type,
    layers: [{ mediaType: type, bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }],
    subject: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: index, size: 1 },
  });
  await pushBuilt(host, repository, undefined, sbom);
  await listUnderTag(host, repository, index, sbom);
  const docker = buildImage({ name: 'docker', format: 'docker', sharedLayer: 'base', platforms: ['linux/amd64'] });
  await pushBuilt(host, 'upstream/team/docker', 'v1.0', docker);
}

/** Flags for the images under a registry's name, with plain HTTP allowed for it. */
function named(host: string, prefix: string): string[] {
  return [...images.flatMap((image) => ['--image', `${host}/${prefix}/${image}`]), '--plain-http', host];
}

async function contentOf(file: string): Promise<string[]> {
  await airgapOk(['verify', file], home);
  const { lock } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  const digests = lock.images.flatMap(({ digest, referrers = [] }: { digest: string; referrers?: object[] }) => [
    digest,
    ...referrers.map((referrer) => (referrer as { digest: string }).digest),
  ]);
  return digests.sort();
}

/** Creates a home with a login for one host. */
function loggedIn(host: string): string {
  const folder = scratchFolder();
  mkdirSync(join(folder, '.docker'));
  const auths = { [host]: { auth: Buffer.from(account).toString('base64') } };
  writeFileSync(join(folder, '.docker/config.json'), JSON.stringify({ auths }), { mode: 0o600 });
  return folder;
}

const withPasswords = (): Promise<RealRegistry> => {
  const path = join(scratchFolder(), 'htpasswd');
  writeFileSync(path, htpasswd);
  return startDistribution(program, { auth: { htpasswd: { realm: 'test', path } } });
};

// Zot takes Docker's media types only with this.
const DOCKER = { compat: ['docker2s2'] };
const zotWithPasswords = (): Promise<RealRegistry> => {
  const path = join(scratchFolder(), 'htpasswd');
  writeFileSync(path, htpasswd);
  return startZot({ ...DOCKER, auth: { htpasswd: { path } } });
};

test.for([
  ['crane registry serve', () => startMemory(program), 'fallback-tag'],
  ['the same with the referrers API', () => startMemory(program, 'referrers'), 'referrers-api'],
  ['distribution 3', () => startDistribution(program), 'fallback-tag'],
  ['distribution 3 with a password file', withPasswords, 'fallback-tag'],
  ['distribution 3 with tokens', () => startDistribution(program, { auth: tokens.auth }), 'fallback-tag'],
  ['zot', () => startZot(DOCKER), 'referrers-api'],
  ['zot with a password file', zotWithPasswords, 'referrers-api'],
] as const)('end to end with %s', async ([name, begin, via], context) => {
  const reason = missing ?? (name.startsWith('zot') ? withoutZot() : undefined);
  if (reason !== undefined) return context.skip(reason);
  const { host, stop } = await begin();
  try {
    const own = loggedIn(host);
    const access = ['--plain-http', host, '--plain-http', tokens.host];
    const receipt = join(own, 'receipt.json');
    const naming = ['--naming', '{path}'];
    const push = ['push', bundle, '--to', `${host}/target`, ...naming, ...access, '-o', 'json'];
    const first = JSON.parse((await airgapOk([...push, '--receipt', receipt], own)).stdout);
    expect(first.images.map(({ status }: { status: string }) => status)).toEqual(['pushed', 'pushed']);
    expect(first.referrers).toEqual({ pushed: 2, present: 0, kept: 0, refused: 0 });
    const log = join(own, 'log');
    const second = JSON.parse((await airgapOk([...push, '--log-file', log], own)).stdout);
    expect(second).toMatchObject({ bytes: 0, blobs: { stored: 0, mounted: 0 }, referrers: { pushed: 0, present: 2 } });
    await airgapOk(['verify', '--receipt', receipt, ...access], own);
    const written = JSON.parse(readFileSync(receipt, 'utf8'));
    expect(written.referrers.map(({ via }: { via: string }) => via).sort()).toEqual(['cosign-tag', via].sort());
    const back = join(own, 'back.tar');
    await airgapOk(['bundle', ...named(host, 'target/upstream'), ...access, '--out', back], own);
    expect(await contentOf(back)).toEqual(content);
  } finally {
    await stop();
  }
});

test('distribution 3 as a pull-through cache: pulls work, pushes are refused', async (context) => {
  if (missing !== undefined) return context.skip(missing);
  const { host, stop } = await startDistribution(program, { proxy: { remoteurl: `http://${origin.host}` } });
  try {
    const file = join(home, 'cached.tar');
    await airgapOk(['bundle', ...named(host, 'upstream'), '--out', file], home);
    expect(await contentOf(file)).toEqual(content);
    const { code, stderr } = await airgap(['push', bundle, '--to', `${host}/m`, '--plain-http', host], home);
    expect(code).toBe(1);
    expect(stderr).toContain('405');
  } finally {
    await stop();
  }
});

test('layers of crane registry serve whose downloads break off', async (context) => {
  if (missing !== undefined) return context.skip(missing);
  const broken = new Set<string>();
  // Each blob once: the registry answers the request for the rest with 416.
  const proxy = await startTamperingProxy(origin.host, (_method, path) => {
    if (!path.includes('/blobs/') || broken.has(path)) return undefined;
    broken.add(path);
    return { kind: 'cut-after', bytes: 100_000 };
  });
  try {
    const file = join(home, 'broken.tar');
    await airgapOk(['bundle', ...named(proxy.host, 'upstream'), '--out', file], home);
    expect(await contentOf(file)).toEqual(content);
    expect(broken.size).toBeGreaterThan(4);
  } finally {
    await proxy.stop();
  }
});

test.for([
  ['distribution 3', () => startDistribution(program), 0],
  // By digest it deletes nothing but the digest, and goes on serving the tag.
  ['crane registry serve with the referrers API', () => startMemory(program, 'referrers'), 1],
  ['zot', () => startZot(DOCKER), 0],
] as const)('mirror to and from %s, and prune there', async ([name, begin, pruned], context) => {
  const reason = missing ?? (name === 'zot' ? withoutZot() : undefined);
  if (reason !== undefined) return context.skip(reason);
  const [{ host, stop }, last] = await Promise.all([begin(), startMemory(program)]);
  try {
    const copy = (from: string, repositories: string, to: string, naming: string): string[] => [
      ...['mirror', '--from', from, '--repository', repositories, '--to', to, '--naming', naming, '-o', 'json'],
      ...[origin.host, host, last.host].flatMap((host) => ['--plain-http', host]),
    ];
    const there = copy(origin.host, 'upstream/*', `${host}/target`, 'path');
    const onward = copy(host, 'target/*', `${last.host}/end`, 'path');
    for (const args of [there, onward]) {
      const first = JSON.parse((await airgapOk(args, home)).stdout);
      expect(first.images.map(({ status }: { status: string }) => status)).toEqual(['pushed', 'pushed']);
      const second = JSON.parse((await airgapOk(args, home)).stdout);
      expect(second).toMatchObject({ bytes: 0, blobs: { stored: 0, mounted: 0 } });
    }
    const back = join(home, `${name}.tar`);
    await airgapOk(['bundle', ...named(last.host, 'end/target/upstream'), '--out', back], home);
    expect(await contentOf(back)).toEqual(content);

    const [kept, list] = [join(home, `${name} kept.tar`), join(home, `${name}.list`)];
    const image = ['--image', `${origin.host}/upstream/${images[0]}`, '--plain-http', origin.host];
    await airgapOk(['bundle', ...image, '--out', kept], home);
    const keep = ['--keep', kept, '--naming', 'path', '--plain-http', host];
    await airgapOk(['prune', `${host}/target`, ...keep, '--filled-by', bundle, '--out', list], home);
    const { code, stderr } = await airgap(['prune', '--delete', list, ...keep], home);
    expect(code, stderr).toBe(pruned);
    const tags = async (repository: string): Promise<readonly string[]> => {
      const answer = await fetch(`http://${host}/v2/target/upstream/${repository}/tags/list`);
      return answer.ok ? (((await answer.json()) as { tags: string[] | null }).tags ?? []) : [];
    };
    expect(await tags('team/docker')).toEqual(pruned === 0 ? [] : ['v1.0']);
    expect(await tags('team/app')).toContain('1');
    const rest = join(home, `${name} rest.tar`);
    const left = ['--image', `${host}/target/upstream/${images[0]}`, '--plain-http', host];
    await airgapOk(['bundle', ...left, '--out', rest], home);
    expect(await contentOf(rest)).toEqual(await contentOf(kept));
  } finally {
    await Promise.all([stop(), last.stop()]);
  }
});
