import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { issued } from '../support/certificate.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { missingPrograms, startDaemon } from '../support/daemon.ts';
import { digestOf } from '../support/digest.ts';
import { expectFacts } from '../support/facts.ts';
import { buildImage, pushBuilt } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/**
 * Clients read what `push` stored in a registry with a certificate of a private authority and a login.
 */

const home = scratchFolder();
const bundle = join(home, 'platform.tar');
const caFile = join(home, 'trusted', 'ca.crt');
const login = 'user:geheim123';
// bcrypt of geheim123, as htpasswd -B writes it
const htpasswd = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const DOCKER = 'quay.io/team/docker:1';
let registry: TestRegistry;
/** Every tagged image by its name in the registry, with the digest that upstream has. */
const pushed = new Map<string, string>();

beforeAll(async () => {
  const { ca, ...tls } = issued();
  mkdirSync(join(home, 'trusted'));
  writeFileSync(caFile, ca);
  registry = await startRegistry({ htpasswd, tls });
  const shop = fixtureChart('shop');
  const upstream = await startRegistry();
  try {
    const { stdout } = await airgapOk(['images', shop, '-o', 'json'], home);
    const { images } = JSON.parse(stdout) as { images: { reference: string; confidence: string }[] };
    const references = images.filter(({ confidence }) => confidence !== 'possible').map(({ reference }) => reference);
    const digests = await fillUpstream(upstream.host, references);
    const docker = buildImage({ name: DOCKER, format: 'docker' });
    digests.set(DOCKER, await pushBuilt(upstream.host, 'quay.io/team/docker', '1', docker));
    const mirror = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    await airgapOk(['bundle', shop, '--image', DOCKER, ...mirror, '--out', bundle], home);
    for (const [reference, digest] of digests) {
      if (!reference.includes('@')) pushed.set(`${registry.host}/mirror/${reference}`, digest);
    }
  } finally {
    await upstream.stop();
  }
  const push = ['push', bundle, '--to', `${registry.host}/mirror`];
  const untrusted = await airgap(push, home);
  expect(untrusted.code).toBe(1);
  expectFacts(untrusted.stderr, registry.host, '--ca-file');
  const anonymous = await airgap([...push, '--ca-file', caFile], home);
  expect(anonymous.code).toBe(1);
  expectFacts(anonymous.stderr, registry.host, /credentials|log ?in/i);
  mkdirSync(join(home, '.docker'));
  const auths = { [registry.host]: { auth: Buffer.from(login).toString('base64') } };
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths }), { mode: 0o600 });
  await airgapOk([...push, '--ca-file', caFile], home);
  expect(pushed.size).toBeGreaterThan(2);
});

afterAll(() => registry.stop());

test('skopeo copies every image with all its platforms', async () => {
  const access = ['--src-creds', login, '--src-cert-dir', join(home, 'trusted')];
  for (const [index, [reference, digest]] of [...pushed].entries()) {
    const folder = join(home, `copied-${index}`);
    await program(
      'skopeo',
      ['--insecure-policy', 'copy', '--all', ...access, `docker://${reference}`, `dir:${folder}`],
      home,
    );
    const manifest = readFileSync(join(folder, 'manifest.json'));
    expect(digestOf(manifest), reference).toBe(digest);
  }
});

test('podman pulls every image with its digest', async (context) => {
  const folders = ['--root', join(home, 'pod/root'), '--runroot', join(home, 'pod/run')];
  const podman = (...args: string[]): Promise<string> =>
    program('podman', [...folders, '--storage-driver', 'vfs', ...args], home);
  const reason =
    missingPrograms('podman') ??
    (await podman('info').then(
      () => undefined,
      (error: Error) => `podman does not run here: ${error.message.split('\n').at(-1)}`,
    ));
  if (reason !== undefined) context.skip(reason);
  for (const [reference, digest] of pushed) {
    await podman('pull', '-q', '--creds', login, '--cert-dir', join(home, 'trusted'), reference);
    const [inspected] = JSON.parse(await podman('image', 'inspect', reference));
    expect(inspected.RepoDigests, reference).toContain(`${reference.slice(0, reference.lastIndexOf(':'))}@${digest}`);
  }
});

test('ctr pulls every image with its digest, also by its public name through hosts.toml', async (context) => {
  const socket = join(home, 'ctr.sock');
  const ctr = (...args: string[]): Promise<string> => program('ctr', ['--address', socket, ...args], home);
  const folders = ['--root', join(home, 'ctr/root'), '--state', join(home, 'ctr/state'), '--address', socket];
  const daemon =
    missingPrograms('ctr', 'containerd') ?? (await startDaemon('containerd', folders, () => ctr('version')));
  if (typeof daemon === 'string') return context.skip(daemon);
  try {
    // As on nodes. Without it, containerd assumes plain HTTP for a registry on loopback.
    const hosts = join(home, 'certs.d');
    mkdirSync(join(hosts, registry.host), { recursive: true });
    writeFileSync(
      join(hosts, registry.host, 'hosts.toml'),
      `server = "${registry.url}"\n[host."${registry.url}"]\nca = "${caFile}"\n`,
    );
    const access = ['--user', login, '--hosts-dir', hosts, '--snapshotter', 'native'];
    for (const reference of pushed.keys()) await ctr('images', 'pull', ...access, reference);
    const listed = async (): Promise<Record<string, string>> => {
      const rows = (await ctr('images', 'ls')).split('\n').slice(1);
      return Object.fromEntries(
        rows.map((row) => row.split(/\s+/)).map(([name = '', , digest = '']) => [name, digest]),
      );
    };
    expect(await listed()).toEqual(Object.fromEntries(pushed));
    const redirected = join(home, 'redirected');
    const from = ['--bundle', bundle, '--all', '--to', `${registry.host}/mirror`, '--ca-file', caFile];
    await airgapOk(['values', ...from, '--format', 'containerd', '--out-dir', redirected], home);
    for (const folder of readdirSync(redirected)) {
      appendFileSync(join(redirected, folder, 'hosts.toml'), `ca = "${caFile}"\n`);
    }
    const publicly = ['--user', login, '--hosts-dir', redirected, '--snapshotter', 'native'];
    for (const [name] of publicNames()) await ctr('images', 'pull', ...publicly, name);
    expect(await listed()).toMatchObject(Object.fromEntries(publicNames()));
  } finally {
    await daemon.stop();
  }
});

/** What the cluster's Pods name, with the digest that upstream has. */
function publicNames(): (readonly [reference: string, digest: string])[] {
  return [...pushed].map(([reference, digest]) => [reference.slice(`${registry.host}/mirror/`.length), digest]);
}

test.each([
  ['a naming that keeps paths', []],
  ['rules that change them', ['--naming-rule', '*/team/*=teams/{name}']],
])('skopeo reads public names by registries.conf, for %s', async (_, naming) => {
  const folder = scratchFolder();
  const there = ['--to', `${registry.host}/mirror`, ...naming];
  await airgapOk(['push', bundle, ...there, '--ca-file', caFile], home);
  await airgapOk(['values', '--bundle', bundle, '--all', ...there, '--format', 'crio', '--out-dir', folder], home);
  const read = ['--registries-conf', join(folder, '50-airgap.conf'), 'inspect', '--raw', '--creds', login];
  const inspect = (name: string): Promise<string> =>
    program('skopeo', [...read, '--cert-dir', join(home, 'trusted'), `docker://${name}`], home);
  for (const [name, digest] of publicNames()) expect(digestOf(Buffer.from(await inspect(name))), name).toBe(digest);
  // A repository that has no entry of its own is not asked of the public registry.
  await expect(inspect('quay.io/other/app:1')).rejects.toThrow(naming.length > 0 ? /blocked/ : registry.host);
});

test('Helm pulls the chart, as it was bundled', async () => {
  const helm = (...args: string[]): Promise<string> => program(helmUnderTest(), args, home);
  const [user = '', password = ''] = login.split(':');
  await helm('registry', 'login', registry.host, '-u', user, '-p', password, '--ca-file', caFile);
  const there = `oci://${registry.host}/mirror/charts/shop`;
  await helm('pull', there, '--version', '1.4.0', '--ca-file', caFile, '--destination', home);
  await airgapOk(['extract', bundle, '--chart', 'shop', '--out', join(home, 'bundled.tgz')], home);
  const name = readdirSync(home).find((file) => /^shop-.*\.tgz$/.test(file)) as string;
  expect(readFileSync(join(home, name)).equals(readFileSync(join(home, 'bundled.tgz')))).toBe(true);
});
