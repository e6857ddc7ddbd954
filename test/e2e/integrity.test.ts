import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cosignSignature, tagFor } from '../support/artifacts.ts';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { pushBuilt, pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { readFiles, repack, repackWithSameHeaders } from '../support/repacked.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Bundles that were tampered with in transit, read by this tool and by others. */

const home = scratchFolder();
let upstream: TestRegistry;
let target: TestRegistry;
let files: Map<string, Buffer>;
const at = (name: string): string => join(home, name);
const [GOOD, BAD] = ['quay.io/team/good:1', 'quay.io/team/bad:1'];
const signed = at('signed.tar');

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  for (const name of ['good', 'bad']) {
    const options = { platforms: ['linux/amd64'], config: { Labels: { name } } };
    await pushImage(upstream.host, `quay.io/team/${name}`, '1', options);
  }
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: home });
  openssl('genpkey', '-algorithm', 'ED25519', '-out', 'key.pem');
  openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'pub.pem');
  mkdirSync(at('demo/templates'), { recursive: true });
  writeFileSync(at('demo/Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 1.0.0\n');
  writeFileSync(at('demo/values.yaml'), `image: ${GOOD}\n`);
  writeFileSync(at('demo/templates/pod.yaml'), POD);
  const mirror = ['--mirror', `quay.io=${upstream.host}/quay.io`, '--plain-http', upstream.host];
  await airgapOk(['bundle', at('demo'), '--image', BAD, ...mirror, '--sign', at('key.pem'), '--out', signed], home);
  files = await readFiles(signed);
});
afterAll(async () => {
  await upstream.stop();
  await target.stop();
});

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: demo
spec:
  containers:
    - name: demo
      image: {{ .Values.image }}
`;

const to = (prefix: string): string[] => ['--to', `${target.host}/${prefix}`, '--plain-http', target.host];
const repositories = async (): Promise<string[]> =>
  ((await (await fetch(`${target.url}/v2/_catalog`)).json()) as { repositories: string[] }).repositories;
const label = async (where: string): Promise<string> =>
  JSON.parse(await program('skopeo', ['inspect', where], home)).Labels.name;

interface Index {
  manifests: { digest: string; size: number; annotations: Record<string, string> }[];
}
const REF = 'org.opencontainers.image.ref.name';
const named = ({ manifests }: Index, name: string): Index['manifests'][number] => {
  const found = manifests.find(({ annotations }) => annotations[REF] === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};
const index = (change: (index: Index) => void): string => {
  const json = JSON.parse(String(files.get('index.json'))) as Index;
  change(json);
  return JSON.stringify(json);
};
/** An index in which two images have exchanged their content. */
const exchanged = (): string =>
  index((json) => {
    const [good, bad] = [named(json, GOOD), named(json, BAD)];
    [good.digest, good.size, bad.digest, bad.size] = [bad.digest, bad.size, good.digest, good.size];
  });
const saved = (): string => {
  const all = JSON.parse(String(files.get('manifest.json'))) as { RepoTags: string[] }[];
  return JSON.stringify(
    all.map((one) => ({ ...one, RepoTags: one.RepoTags.map((tag) => (tag === GOOD ? BAD : GOOD)) })),
  );
};

describe('a signed bundle that was repacked', () => {
  test('before repacking, every reader sees the same content', async () => {
    expect(await label(`docker-archive:${signed}:${GOOD}`)).toBe('good');
    expect(await label(`oci-archive:${signed}:${GOOD}`)).toBe('good');
    await airgapOk(['verify', signed, '--key', at('pub.pem')], home);
  });

  test.each([
    ['docker-archive', () => repack(files, { first: [{ path: 'y/../manifest.json', content: saved() }] })],
    ['docker-archive', () => repack(files, { first: [{ path: './manifest.json', content: saved() }] })],
    ['docker-archive', () => repack(new Map<string, Buffer | string>(files).set('manifest.json', saved()))],
    ['oci-archive', () => repack(files, { last: [{ path: 'y/../index.json', content: exchanged() }] })],
    ['oci-archive', () => repack(files, { last: [{ path: './index.json', content: exchanged() }] })],
    [
      'oci-archive',
      () => {
        const other = index((json) => {
          named(json, GOOD).annotations[REF] = 'quay.io/team/none:1';
          named(json, BAD).annotations[REF] = GOOD;
        });
        return repack(new Map<string, Buffer | string>(files).set('index.json', other));
      },
    ],
    [
      'oci-archive',
      () => repackWithSameHeaders(signed, new Map<string, Buffer | string>(files).set('index.json', exchanged())),
    ],
  ])('is refused where skopeo reads another image out of it (%s, %#)', async (transport, make) => {
    const path = at('changed.tar');
    writeFileSync(path, await make());
    expect(await label(`${transport}:${path}:${GOOD}`)).toBe('bad');
    expect(await airgap(['verify', path, '--key', at('pub.pem')], home)).toMatchObject({ code: 3 });
    expect(await airgap(['verify', path], home)).toMatchObject({ code: 3 });
  });

  test('fails verification with the key, though its content is complete', async () => {
    const path = at('again.tar');
    writeFileSync(path, repack(files));
    expect(await airgap(['verify', path, '--key', at('pub.pem')], home)).toMatchObject({ code: 3 });
    const verified = await airgapOk(['verify', path, '-o', 'json'], home);
    expect(JSON.parse(verified.stdout)).toMatchObject({ packedByAnother: true, problems: [] });
    await airgapOk(['push', path, '--require-signature', at('pub.pem'), '--dry-run', ...to('again')], home);
  });
});

test('a bundle that contradicts itself is refused by every command, signed or not', async () => {
  const path = at('contradiction.tar');
  writeFileSync(
    path,
    await repackWithSameHeaders(signed, new Map<string, Buffer | string>(files).set('index.json', exchanged())),
  );
  const uses = [
    ['push', path, ...to('never')],
    ['values', '--bundle', path, 'demo', '--pin', ...to('never')],
    ['values', '--bundle', path, '--all', '--format', 'map', ...to('never')],
    ['extract', path, '--image', GOOD, '--out', at('image.tar')],
    ['inspect', path],
    ['diff', signed, path],
  ];
  for (const args of uses) {
    expect(await airgap(args, home), args.join(' ')).toMatchObject({ code: 1, stdout: '' });
    const required = await airgap([...args, '--require-signature', at('pub.pem')], home);
    expect(required, args.join(' ')).toMatchObject({ code: 3, stdout: '' });
    const whole = args.map((arg) => (arg === path ? signed : arg));
    if (args[0] !== 'push') await airgapOk([...whole, '--require-signature', at('pub.pem')], home);
  }
  expect(await repositories()).toEqual([]);
  expect(await airgap(['values', at('demo'), '--require-signature', at('pub.pem'), ...to('m')], home)).toMatchObject({
    code: 2,
  });
});

test('names in a bundle cannot escape the target prefix', async () => {
  const digest = await pushImage(target.host, 'prod/app', '1', { name: 'theirs' });
  const path = at('names.tar');
  const names = index((json) => {
    json.manifests = json.manifests.filter(({ annotations }) => annotations[REF]?.startsWith('charts/'));
    const [chart] = json.manifests;
    if (chart === undefined) throw new Error('no chart');
    chart.annotations = {
      [REF]: 'charts/../../../prod/app:1',
      'org.opencontainers.image.title': '../../../prod/app',
      'org.opencontainers.image.version': '1',
    };
  });
  writeFileSync(path, repack(new Map<string, Buffer | string>(files).set('index.json', names)));
  expect(await airgap(['push', path, '--on-existing-tag', 'overwrite', ...to('team/mirrored')], home)).toMatchObject({
    code: 1,
  });
  expect(await airgap(['verify', path], home)).toMatchObject({ code: 3 });
  const there = await fetch(`${target.url}/v2/prod/app/manifests/1`, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  expect(there.headers.get('docker-content-digest')).toBe(digest);
});

test('nested indexes that name one manifest a billion times are walked in no time', async () => {
  const repository = 'quay.io/team/wide';
  const base = `${upstream.url}/v2/${repository}/manifests`;
  await pushImage(upstream.host, repository, 'image', { platforms: ['linux/amd64'] });
  const type = 'application/vnd.oci.image.index.v1+json';
  const head = await fetch(`${base}/image`, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } });
  let bytes = Buffer.from(await head.arrayBuffer());
  let mediaType = 'application/vnd.oci.image.manifest.v1+json';
  for (let depth = 0; depth < 3; depth++) {
    const digest = digestOf(bytes);
    const child = { mediaType, digest, size: bytes.length };
    bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: Array(1000).fill(child) }));
    mediaType = type;
    await fetch(`${base}/wide${depth}`, {
      method: 'PUT',
      headers: { 'content-type': type },
      body: new Uint8Array(bytes),
    });
  }
  const wide = at('wide.tar');
  const mirror = ['--mirror', `quay.io=${upstream.host}/quay.io`, '--plain-http', upstream.host];
  await airgapOk(['bundle', '--image', `${repository}:wide2`, ...mirror, '--out', wide], home);
  await airgapOk(['verify', wide], home);
  await airgapOk(['extract', wide, '--image', `${repository}:wide2`, '--out', at('one.tar')], home);
  const one = ['--image', `${repository}:wide2`, '--platform', 'linux/amd64', '--out', at('platform.tar')];
  await airgapOk(['extract', wide, ...one], home);
  await airgapOk(['push', wide, ...to('wide')], home);
});

test('the signature of an index verifies one of its platforms offline, and is not pushed', async () => {
  const repository = 'quay.io/team/multi';
  const digest = await pushImage(upstream.host, repository, '1');
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: home });
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'image.pem');
  openssl('pkey', '-in', 'image.pem', '-pubout', '-out', 'image-pub.pem');
  const signer = createPrivateKey(readFileSync(at('image.pem')));
  const signature = cosignSignature(signer, repository, digest);
  await pushBuilt(upstream.host, repository, tagFor(digest, 'sig'), signature);
  const path = at('part.tar');
  const mirror = ['--mirror', `quay.io=${upstream.host}/quay.io`, '--plain-http', upstream.host];
  const wanted = ['--image', `${repository}:1`, '--platform', 'linux/arm64', '--sign', at('key.pem')];
  await airgapOk(['bundle', ...wanted, ...mirror, '--out', path], home);
  const again = await airgapOk(['bundle', ...wanted, ...mirror, '--out', path, '-o', 'json'], home);
  expect(JSON.parse(again.stdout)).toMatchObject({ status: 'up-to-date' });
  const keys = ['--key', at('pub.pem'), '--verify-signatures', at('image-pub.pem')];
  await airgapOk(['verify', path, ...keys], home);
  expect((await airgap(['verify', path, '--verify-signatures', at('pub.pem')], home)).code).toBe(3);
  await airgapOk(['push', path, '--require-signature', at('pub.pem'), ...to('part')], home);
  const base = `${target.url}/v2/part/${repository}`;
  const { tags } = (await (await fetch(`${base}/tags/list`)).json()) as { tags: string[] };
  expect(tags).toEqual(['1']);
  for (const [kind, name] of [
    ['manifests', digest],
    ['blobs', digest],
    ['manifests', signature.digest],
    ['blobs', signature.digest],
  ]) {
    expect((await fetch(`${base}/${kind}/${name}`)).status, `${kind}/${name}`).toBe(404);
  }
});

test('a receipt lists everything of a bundle, or verify names what it lacks', async () => {
  const receipt = at('receipt.json');
  await airgapOk(['push', signed, '--receipt', receipt, ...to('receipts')], home);
  const check = (file: string, ...more: string[]) =>
    airgap(['verify', ...more, '--receipt', file, '--plain-http', target.host], home);
  expect(await check(receipt)).toMatchObject({ code: 0 });
  expect(await check(receipt, signed)).toMatchObject({ code: 0 });
  expect(await check(receipt, signed, '--key', at('pub.pem'))).toMatchObject({ code: 0 });
  const { counts, items, ...rest } = JSON.parse(readFileSync(receipt, 'utf8'));
  expect(counts).toEqual({ items: 3, referrers: 0 });
  const less = at('less.json');
  writeFileSync(less, JSON.stringify({ ...rest, counts, items: items.slice(1) }));
  expect(await check(less)).toMatchObject({ code: 2 });
  writeFileSync(less, JSON.stringify({ ...rest, items: [] }));
  expect(await check(less)).toMatchObject({ code: 2 });
  writeFileSync(less, JSON.stringify({ ...rest, items: items.slice(1) }));
  expect(await check(less)).toMatchObject({ code: 0 });
  expect(await check(less, signed)).toMatchObject({ code: 3, stdout: expect.stringContaining(items[0].source) });
});
