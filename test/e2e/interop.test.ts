import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildArtifact, cosignSignature, listUnderTag, tagFor } from '../support/artifacts.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { type Daemon, missingPrograms, startDaemon } from '../support/daemon.ts';
import { buildImage, pushBuilt } from '../support/images.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream, upstreamImage } from '../support/upstream.ts';

/** Other tools read a bundle and what is extracted from it. docs/interop.md lists what was tried. */

const home = scratchFolder();
const bundle = join(home, 'platform.tar');
const image = join(home, 'image.tar');
const platform = join(home, 'platform-image.tar');
const dockerImage = join(home, 'docker-image.tar');
const archive = join(home, 'shop.tgz');

const WEB = 'registry.example/shop/web:1.4.2';
const DOCKER = 'quay.io/team/docker:1';
const docker = buildImage({ name: DOCKER, format: 'docker', platforms: ['linux/amd64'] });
/** An image with a signature and an SBOM, which are unnamed in the archives. */
const SIGNED = 'quay.io/team/signed:1';
const signed = buildImage({ name: SIGNED });
const own = new Map([
  [DOCKER, docker],
  [SIGNED, signed],
]);
const signedImage = join(home, 'signed.tar');
const unsignedImage = join(home, 'unsigned.tar');
/** Every image of the bundle with the digest that upstream has. */
let digests: Map<string, string>;

const tagged = (): string[] => [...digests.keys()].filter((reference) => !reference.includes('@'));
const pinned = (): string[] => [...digests.keys()].filter((reference) => reference.includes('@'));

beforeAll(async () => {
  const shop = fixtureChart('shop');
  const found = JSON.parse((await airgapOk(['images', shop, '-o', 'json'], home)).stdout) as {
    images: { reference: string; confidence: string }[];
  };
  const references = found.images.filter(({ confidence }) => confidence !== 'possible').map((one) => one.reference);
  const upstream = await startRegistry();
  try {
    digests = await fillUpstream(upstream.host, references);
    digests.set(DOCKER, await pushBuilt(upstream.host, 'quay.io/team/docker', '1', docker));
    digests.set(SIGNED, await pushSigned(upstream.host));
    const mirror = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    await airgapOk(['bundle', shop, '--image', DOCKER, '--image', SIGNED, ...mirror, '--out', bundle], home);
  } finally {
    await upstream.stop();
  }
  await airgapOk(['extract', bundle, '--image', WEB, '--out', image], home);
  await airgapOk(['extract', bundle, '--image', WEB, '--platform', 'linux/arm64', '--out', platform], home);
  await airgapOk(['extract', bundle, '--image', DOCKER, '--out', dockerImage], home);
  const extract = ['extract', bundle, '--image', SIGNED, '--out', signedImage, '-o', 'json'];
  expect(JSON.parse((await airgapOk(extract, home)).stdout)).toMatchObject({ referrers: 2 });
  await airgapOk(['extract', bundle, '--image', SIGNED, '--no-referrers', '--out', unsignedImage], home);
  await airgapOk(['extract', bundle, '--chart', 'shop', '--out', archive], home);
  expect(pinned().length).toBeGreaterThan(0);
});

// The daemons leave large folders behind.
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function pushSigned(host: string): Promise<string> {
  const repository = 'quay.io/team/signed';
  const digest = await pushBuilt(host, repository, '1', signed);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await pushBuilt(host, repository, tagFor(digest, 'sig'), cosignSignature(privateKey, repository, digest));
  const { mediaType, bytes } = signed.manifests.at(-1) as (typeof signed.manifests)[number];
  const layers = [{ mediaType: 'application/spdx+json', bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }];
  const subject = { mediaType, digest, size: bytes.length };
  const sbom = buildArtifact({ artifactType: 'application/spdx+json', layers, subject });
  await pushBuilt(host, repository, undefined, sbom);
  await listUnderTag(host, repository, digest, sbom);
  return digest;
}

/** Digest of the amd64 image's config, which Docker and podman call the image's ID. */
function configOf(reference: string): string {
  const built = own.get(reference) ?? upstreamImage(reference);
  const [manifest] = built.manifests;
  return JSON.parse(String(manifest?.bytes)).config.digest;
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('skopeo', () => {
  test('finds every image of OCI media types by its full name, with its upstream digest', async () => {
    for (const [reference, digest] of digests) {
      // containers/image (oci/layout) ignores entries of Docker's media types in an OCI layout.
      if (reference === DOCKER) continue;
      const raw = await program('skopeo', ['inspect', '--raw', `oci-archive:${bundle}:${reference}`], home);
      expect(`sha256:${sha256(raw)}`, reference).toBe(digest);
    }
  });

  test('reads an extracted image without its name, and copies all its platforms', async () => {
    const raw = await program('skopeo', ['inspect', '--raw', `oci-archive:${image}`], home);
    expect(`sha256:${sha256(raw)}`).toBe(digests.get(WEB));
    const folder = join(home, 'copied');
    await program('skopeo', ['--insecure-policy', 'copy', '--all', `oci-archive:${image}`, `dir:${folder}`], home);
    expect(readdirSync(folder).filter((name) => name.endsWith('.manifest.json'))).toHaveLength(2);
  });

  test('finds an image by its name among its signatures, and without the name if those are left out', async () => {
    const named = await program('skopeo', ['inspect', '--raw', `oci-archive:${signedImage}:${SIGNED}`], home);
    expect(`sha256:${sha256(named)}`).toBe(digests.get(SIGNED));
    await expect(program('skopeo', ['inspect', '--raw', `oci-archive:${signedImage}`], home)).rejects.toThrow();
    expect(await program('skopeo', ['inspect', '--raw', `oci-archive:${unsignedImage}`], home)).toBe(named);
  });

  test('reads an image of Docker media types once it is extracted', async () => {
    const raw = await program('skopeo', ['inspect', '--raw', `oci-archive:${dockerImage}`], home);
    expect(`sha256:${sha256(raw)}`).toBe(digests.get(DOCKER));
  });

  test('copies a chart to a registry, where Helm reads the same bytes that extract writes', async () => {
    const registry = await startRegistry();
    try {
      const to = `docker://${registry.host}/charts/shop:1.4.0`;
      const from = `oci-archive:${bundle}:charts/shop:1.4.0`;
      await program('skopeo', ['--insecure-policy', 'copy', '--dest-tls-verify=false', from, to], home);
      const chart = [`oci://${registry.host}/charts/shop`, '--version', '1.4.0', '--plain-http'];
      expect(await program(helmUnderTest(), ['show', 'chart', ...chart], home)).toContain('name: shop');
      await program(helmUnderTest(), ['pull', ...chart, '--destination', home], home);
      expect(sha256(readFileSync(join(home, 'shop-1.4.0.tgz')))).toBe(sha256(readFileSync(archive)));
    } finally {
      await registry.stop();
    }
  });
});

describe('podman', () => {
  const podman = (store: string, ...args: string[]): Promise<string> => {
    const folders = ['--root', join(home, store, 'root'), '--runroot', join(home, store, 'run')];
    return program('podman', [...folders, '--storage-driver', 'vfs', ...args], home);
  };
  const missing = async (): Promise<string | undefined> =>
    missingPrograms('podman') ??
    podman('probe', 'info').then(
      () => undefined,
      (error: Error) => `podman does not run here: ${error.message.split('\n').at(-1)}`,
    );

  test('loads a whole bundle, each tagged image under its name', async (context) => {
    const reason = await missing();
    if (reason !== undefined) context.skip(reason);
    await podman('bundle', 'load', '-i', bundle);
    for (const reference of tagged()) {
      const [inspected] = JSON.parse(await podman('bundle', 'image', 'inspect', reference));
      expect(`sha256:${inspected.Id}`, reference).toBe(configOf(reference));
      expect(inspected.RepoTags).toEqual([reference]);
    }
  });

  test('keeps the digests of images that it pulls from a bundle by name, and of an extracted image', async (context) => {
    const reason = await missing();
    if (reason !== undefined) context.skip(reason);
    for (const reference of [...pinned(), WEB]) {
      await podman('pulled', 'pull', '-q', `oci-archive:${bundle}:${reference}`);
      const [inspected] = JSON.parse(await podman('pulled', 'image', 'inspect', reference));
      expect(inspected.Digest, reference).toBe(digests.get(reference));
    }
    for (const [reference, file] of [
      [WEB, image],
      [SIGNED, unsignedImage],
    ] as const) {
      await podman('own', 'load', '-i', file);
      const [inspected] = JSON.parse(await podman('own', 'image', 'inspect', reference));
      expect(inspected.Digest).toBe(digests.get(reference));
    }
    await podman('named', 'pull', '-q', `oci-archive:${signedImage}:${SIGNED}`);
    const [named] = JSON.parse(await podman('named', 'image', 'inspect', SIGNED));
    expect(named.Digest).toBe(digests.get(SIGNED));
  });
});

test('umoci lists and unpacks an extracted image of one platform', async (context) => {
  const reason = missingPrograms('umoci', 'tar');
  if (reason !== undefined) context.skip(reason);
  const layout = join(home, 'layout');
  mkdirSync(layout);
  await program('tar', ['-xf', platform, '-C', layout], home);
  expect((await program('umoci', ['ls', '--layout', layout], home)).trim()).toBe(WEB);
  await program('umoci', ['unpack', '--rootless', '--image', `${layout}:${WEB}`, join(home, 'unpacked')], home);
  expect(readdirSync(join(home, 'unpacked/rootfs/layers'))).toHaveLength(2);
});

test('ctr imports every image of a bundle with its digest, and no charts with --base-name', async (context) => {
  const socket = join(home, 'ctr.sock');
  const ctr = (...args: string[]): Promise<string> => program('ctr', ['--address', socket, ...args], home);
  const folders = ['--root', join(home, 'ctr/root'), '--state', join(home, 'ctr/state'), '--address', socket];
  const daemon: Daemon | string =
    missingPrograms('ctr', 'containerd') ?? (await startDaemon('containerd', folders, () => ctr('version')));
  if (typeof daemon === 'string') return context.skip(daemon);
  try {
    const listed = async (): Promise<Map<string, string>> => {
      const rows = (await ctr('images', 'ls')).split('\n').slice(1);
      return new Map(rows.map((row) => row.split(/\s+/)).map(([name = '', , digest = '']) => [name, digest]));
    };
    // A base name that no chart has: only entries with a name for containerd are imported.
    await ctr('images', 'import', '--base-name', 'none', bundle);
    expect(Object.fromEntries(await listed())).toMatchObject(Object.fromEntries(digests));
    expect(await listed()).not.toContain('charts/shop:1.4.0');
    await ctr('images', 'import', '--no-unpack', bundle);
    expect([...(await listed()).keys()]).toContain('charts/shop:1.4.0');
    await ctr('--namespace', 'other', 'images', 'import', image);
    expect(await ctr('--namespace', 'other', 'images', 'ls', '-q')).toBe(WEB);
    await ctr('--namespace', 'signed', 'images', 'import', signedImage);
    expect(await ctr('--namespace', 'signed', 'images', 'ls', '-q')).toBe(SIGNED);
  } finally {
    await daemon.stop();
  }
});

test('docker loads a whole bundle, each tagged image under its name', async (context) => {
  const at = join(home, 'docker');
  const host = `unix://${at}.sock`;
  const client = (...args: string[]): Promise<string> => program('docker', ['--host', host, ...args], home);
  const options = ['--storage-driver=vfs', '--iptables=false', '--ip6tables=false', '--bridge=none'];
  const folders = ['--data-root', join(at, 'data'), '--exec-root', join(at, 'exec'), '--pidfile', `${at}.pid`];
  const daemon: Daemon | string =
    missingPrograms('docker', 'dockerd') ??
    (await startDaemon('dockerd', [...folders, '--host', host, ...options], () => client('version')));
  if (typeof daemon === 'string') return context.skip(daemon);
  try {
    await client('load', '--input', bundle);
    for (const reference of tagged()) {
      const [inspected] = JSON.parse(await client('image', 'inspect', reference));
      expect(inspected.Id, reference).toBe(configOf(reference));
    }
  } finally {
    await daemon.stop();
  }
});
