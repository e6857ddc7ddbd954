import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { missingConformance, runConformance } from '../../evaluation/serve/conformance.ts';
import { buildArtifact, cosignSignature, listUnderTag, tagFor } from '../support/artifacts.ts';
import { issued } from '../support/certificate.ts';
import { airgapOk, program } from '../support/cli.ts';
import { missingPrograms, startDaemon } from '../support/daemon.ts';
import { compileWithModules } from '../support/go.ts';
import { buildImage, pushBuilt, pushImage } from '../support/images.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { serve, type TestServe } from '../support/serve.ts';

/** Clients of other makers pull from `serve`: a signed index from a bundle in parts, and an image of a delta, by HTTPS with a login. */

const home = scratchFolder();
const [bundle, delta] = [join(home, 'app.tar'), join(home, 'delta.tar')];
const caFile = join(home, 'trusted', 'ca.crt');
const login = 'reader:secret';
/** bcrypt of the password, with the lowest usual cost. */
const SECRET = '$2y$05$hp0l8B8ptBD2iC0pmyKY.eOWlPfx90SXiOStGmeYX/kC6vl1lo9xa';
const SBOM = 'application/spdx+json';
const repository = 'quay.io/acme/app';
let served: TestServe;
let index: string;
let newer: string;
let sbom: string;

beforeAll(async () => {
  const upstream = await startRegistry();
  try {
    const { host } = upstream;
    const image = buildImage({ name: 'app', sharedLayer: 'base', size: 300_000 });
    index = await pushBuilt(host, repository, '1', image);
    newer = await pushImage(host, repository, '2', { name: 'newer', sharedLayer: 'base', size: 300_000 });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await pushBuilt(host, repository, tagFor(index, 'sig'), cosignSignature(privateKey, repository, index));
    const { mediaType, digest, bytes } = image.manifests.at(-1) as (typeof image.manifests)[number];
    const layers = [{ mediaType: SBOM, bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }];
    const artifact = buildArtifact({ artifactType: SBOM, layers, subject: { mediaType, digest, size: bytes.length } });
    sbom = await pushBuilt(host, repository, undefined, artifact);
    await listUnderTag(host, repository, index, artifact);
    const access = ['--mirror', `*=${host}`, '--plain-http', host, '--split-size', '200000'];
    await airgapOk(['bundle', '--image', `${repository}:1`, ...access, '--out', bundle], home);
    const images = ['--image', `${repository}:1`, '--image', `${repository}:2`];
    await airgapOk(['bundle', ...images, '--since', bundle, ...access, '--out', delta], home);
  } finally {
    await upstream.stop();
  }
  const { ca, cert, key } = issued();
  mkdirSync(join(home, 'trusted'));
  writeFileSync(caFile, ca);
  const files = { 'tls.crt': cert, 'tls.key': key, users: `reader:${SECRET}\n` };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text, { mode: 0o600 });
  const tls = ['--tls-cert', join(home, 'tls.crt'), '--tls-key', join(home, 'tls.key')];
  served = await serve(bundle, delta, '--prefix', 'mirror', ...tls, '--htpasswd', join(home, 'users'));
});

afterAll(async () => {
  await served?.stop();
});

/** Names of both images, with their digests. */
const images = (): (readonly [reference: string, digest: string])[] => [
  [`${repository}:1`, index],
  [`${repository}:2`, newer],
];

test('oras-go and go-containerregistry read an index, its tags and its referrers', async (context) => {
  const clients = join(home, 'clients');
  const missing = compileWithModules('clients', clients);
  if (missing !== undefined) return context.skip(missing);
  const tags = [...['1', '2'], tagFor(index), tagFor(index, 'sig')].sort();
  for (const client of ['oras', 'ggcr']) {
    const args = [client, `${served.host}/mirror/${repository}:1`, caFile];
    const found = JSON.parse(await program(clients, [...args, login], home));
    expect({ ...found, tags: found.tags.sort() }, client).toEqual({ digest: index, tags, referrers: [sbom] });
    await expect(program(clients, [...args, 'reader:wrong'], home), client).rejects.toThrow(/401|unauthorized/i);
  }
}, 220_000);

test('podman pulls by tag and by digest', async (context) => {
  const folders = ['--root', join(home, 'pod/root'), '--runroot', join(home, 'pod/run')];
  const podman = (...args: string[]): Promise<string> =>
    program('podman', [...folders, '--storage-driver', 'vfs', ...args], home);
  const failure = (error: Error): string => `podman does not run here: ${error.message.split('\n').at(-1)}`;
  const reason = missingPrograms('podman') ?? (await podman('info').then(() => undefined, failure));
  if (reason !== undefined) return context.skip(reason);
  const access = ['-q', '--creds', login, '--cert-dir', join(home, 'trusted')];
  const name = `${served.host}/mirror/${repository}`;
  for (const reference of [`${name}:1`, `${name}@${newer}`]) await podman('pull', ...access, reference);
  const listed = JSON.parse(await podman('image', 'ls', '--format', 'json', '--digests'));
  const digests = listed.flatMap(({ RepoDigests = [] }: { RepoDigests?: string[] }) => RepoDigests);
  expect(digests).toEqual(expect.arrayContaining([`${name}@${index}`, `${name}@${newer}`]));
});

test('containerd pulls public names by the files of values --format containerd', async (context) => {
  const socket = join(home, 'ctr.sock');
  const ctr = (...args: string[]): Promise<string> => program('ctr', ['--address', socket, ...args], home);
  const folders = ['--root', join(home, 'ctr/root'), '--state', join(home, 'ctr/state'), '--address', socket];
  const daemon =
    missingPrograms('ctr', 'containerd') ?? (await startDaemon('containerd', folders, () => ctr('version')));
  if (typeof daemon === 'string') return context.skip(daemon);
  try {
    const hosts = join(home, 'certs.d');
    const to = ['--to', `${served.host}/mirror`, '--ca-file', caFile];
    const values = ['values', '--bundle', bundle, '--bundle', delta, '--all', ...to];
    await airgapOk([...values, '--format', 'containerd', '--out-dir', hosts], home);
    for (const folder of readdirSync(hosts)) appendFileSync(join(hosts, folder, 'hosts.toml'), `ca = "${caFile}"\n`);
    const access = ['--user', login, '--hosts-dir', hosts, '--snapshotter', 'native'];
    for (const [reference] of images()) await ctr('images', 'pull', ...access, reference);
    await ctr('images', 'pull', ...access, `${repository}@${index}`);
    const rows = (await ctr('images', 'ls')).split('\n').slice(1);
    const listed = rows.map((row) => row.split(/\s+/)).map(([name = '', , digest = '']) => [name, digest]);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries([...images(), [`${repository}@${index}`, index]]));
  } finally {
    await daemon.stop();
  }
});

test('the conformance tests of the distribution specification pass', async (context) => {
  const missing = missingConformance();
  if (missing.length > 0) return context.skip(`set ${missing.join(' and ')} to the paths of these programs`);
  const { AIRGAP_CONFORMANCE = '', AIRGAP_CONFORMANCE_NEXT = '' } = process.env;
  const suites = await runConformance({ AIRGAP_CONFORMANCE, AIRGAP_CONFORMANCE_NEXT }, scratchFolder());
  for (const { passed, failed } of Object.values(suites)) {
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThan(8);
  }
});
