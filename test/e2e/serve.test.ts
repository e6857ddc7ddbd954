import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildArtifact, cosignSignature, listUnderTag, manifestAt, tagFor } from '../support/artifacts.ts';
import { basicOf } from '../support/basic.ts';
import { issued } from '../support/certificate.ts';
import { startUpstreamOf } from '../support/chart-upstream.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { pushBuilt, pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf, treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { serve } from '../support/serve.ts';

/** A registry from bundles: a chart with its images, a signed image, and a delta in parts. */

const home = scratchFolder();
const at = (name: string): string => join(home, name);
const [shop, app, delta] = [at('shop.tar'), at('app.tar'), at('delta.tar')];
/** bcrypt of `secret`, with the lowest usual cost. */
const SECRET = '$2y$05$hp0l8B8ptBD2iC0pmyKY.eOWlPfx90SXiOStGmeYX/kC6vl1lo9xa';
const SBOM = 'application/spdx+json';
const repository = 'quay.io/acme/app';
let index: string;
let sbom: string;
let target: TestRegistry;

beforeAll(async () => {
  const chart = fixtureChart('shop');
  const charts = await startUpstreamOf(chart, home);
  await airgapOk(['bundle', chart, ...charts.mirror, '--out', shop], home);
  await charts.stop();
  const [upstream, registry] = await Promise.all([startRegistry(), startRegistry()]);
  target = registry;
  const { host } = upstream;
  index = await pushImage(host, repository, '1', { sharedLayer: 'base', size: 300_000 });
  await pushImage(host, repository, '2', { name: 'next', sharedLayer: 'base', size: 300_000 });
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  await pushBuilt(host, repository, tagFor(index, 'sig'), cosignSignature(key, repository, index));
  const size = JSON.stringify((await manifestAt(host, repository, index))?.json).length;
  const document = buildArtifact({
    artifactType: SBOM,
    layers: [{ mediaType: SBOM, bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }],
    subject: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: index, size },
  });
  sbom = document.digest;
  await pushBuilt(host, repository, undefined, document);
  await listUnderTag(host, repository, index, document);
  const access = ['--mirror', `*=${host}`, '--plain-http', host];
  const images = ['--image', `${repository}:1`, '--image', `${repository}@${index}`];
  await airgapOk(['bundle', ...images, ...access, '--out', app], home);
  const parts = ['--since', app, '--split-size', '200000', '--out', delta];
  await airgapOk(['bundle', ...images, '--image', `${repository}:2`, ...access, ...parts], home);
  await upstream.stop();
});
afterAll(() => target.stop());

async function json(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(url)).json()) as Record<string, unknown>;
}

test('has exactly the names and the content that a push writes', async () => {
  await airgapOk(['push', shop, app, delta, '--to', `${target.host}/mirror`, '--plain-http', target.host], home);
  const served = await serve(shop, app, delta, '--prefix', 'mirror');
  const head = async (path: string): Promise<string> => {
    const answer = await fetch(`${served.url}/v2/${path}`, { method: 'HEAD' });
    return `${answer.status} ${answer.headers.get('docker-content-digest')}`;
  };
  const pushed = treeOf(target).map((line) =>
    /^(.+)\/(_manifests\/tags|_manifests\/revisions|_layers)\/(.+)$/.exec(line),
  );
  let checked = 0;
  for (const [line = '', name, kind, rest = ''] of pushed.map((match) => match ?? [])) {
    const digest = rest.split(' ').at(-1) ?? '';
    const tag = /^([^/]+)\/current\/link /.exec(rest)?.[1];
    const reference = kind === '_manifests/tags' ? tag : digest;
    // Each tag is there twice: as it is now, and in its history.
    if (reference === undefined) continue;
    expect(await head(`${name}/${kind === '_layers' ? 'blobs' : 'manifests'}/${reference}`), line).toBe(
      `200 ${digest}`,
    );
    checked++;
  }
  expect(checked).toBeGreaterThan(50);
  const { repositories } = await json(`${served.url}/v2/_catalog`);
  expect(repositories).toEqual((await json(`${target.url}/v2/_catalog`)).repositories);
  const tags: string[] = [];
  for (const name of repositories as string[]) {
    const list = (await json(`${served.url}/v2/${name}/tags/list`)).tags as string[];
    for (const tag of list) tags.push(`${name}:${tag} ${(await head(`${name}/manifests/${tag}`)).slice(4)}`);
  }
  expect(tags.sort()).toEqual(tagsOf(target).sort());
  const referrers = await json(`${served.url}/v2/mirror/${repository}/referrers/${index}?artifactType=${SBOM}`);
  expect(referrers.manifests).toEqual([expect.objectContaining({ digest: sbom, artifactType: SBOM })]);
  expect(served.document).toMatchObject({ kind: 'Serving', tags: tags.length, prefix: 'mirror' });
  expect(await served.stop()).toBe(0);
});

test('skopeo and helm pull over TLS with a login', async () => {
  const { ca, cert, key } = issued();
  const files = { 'ca.crt': ca, 'tls.crt': cert, 'tls.key': key, users: `reader:${SECRET}\n` };
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text);
  const certificates = scratchFolder();
  writeFileSync(join(certificates, 'ca.crt'), ca);
  const tls = ['--tls-cert', at('tls.crt'), '--tls-key', at('tls.key')];
  const served = await serve(shop, ...tls, '--htpasswd', at('users'), '--listen', '0.0.0.0:0');
  const host = served.host.replace('0.0.0.0', '127.0.0.1');
  const trust = ['--src-cert-dir', certificates, '--src-creds', 'reader:secret'];
  const source = `docker://${host}/docker.io/library/busybox:1.36.1`;
  await program('skopeo', ['copy', '--all', ...trust, source, `dir:${at('busybox')}`], home);
  const digest = digestOf(readFileSync(at('busybox/manifest.json')));
  expect(tagsOf(target)).toContain(`mirror/docker.io/library/busybox:1.36.1 ${digest}`);
  const wrong = [...trust.slice(0, 2), '--src-creds', 'reader:wrong'];
  await expect(program('skopeo', ['copy', ...wrong, source, `dir:${at('none')}`], home)).rejects.toThrow(
    /unauthorized|401|authentication/,
  );
  const login = ['--ca-file', at('ca.crt'), '--username', 'reader', '--password', 'secret'];
  const pull = ['pull', `oci://${host}/charts/shop`, '--version', '1.4.0', ...login, '--destination', home];
  await program(helmUnderTest(), pull, home);
  expect(execFileSync('tar', ['-tzf', at('shop-1.4.0.tgz')], { encoding: 'utf8' })).toContain('shop/Chart.yaml');
  expect(await served.stop()).toBe(0);
});

test('what cannot be served is one sentence', async () => {
  const failure = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await airgap(['serve', ...args, '-o', 'json'], home);
    expect(
      stderr
        .replace(/^Code: .*\n/m, '')
        .trimEnd()
        .split('\n'),
      stderr,
    ).toHaveLength(2);
    return { code, errors: JSON.parse(stdout).errors.map((error: { code: string }) => error.code) };
  };
  expect(await failure(shop, '--listen', target.host)).toEqual({ code: 1, errors: ['listen'] });
  expect(await failure(shop, '--listen', '192.0.2.1:5000', '--plain-http')).toEqual({ code: 1, errors: ['listen'] });
  expect(await failure(shop, '--listen', '0.0.0.0:0')).toEqual({ code: 2, errors: ['usage'] });
  expect(await failure(shop, '--tls-cert', at('tls.crt'))).toEqual({ code: 2, errors: ['usage'] });
  expect(await failure(shop, '--tls-cert', at('tls.crt'), '--tls-key', at('ca.crt'))).toEqual({
    code: 2,
    errors: ['usage'],
  });
  expect(await failure(delta)).toEqual({ code: 1, errors: ['bundle-invalid'] });
});

test('a bundle that changes while it is served ends the command', async () => {
  const copy = at('copy.tar');
  copyFileSync(shop, copy);
  const served = await serve(copy);
  expect((await fetch(`${served.url}/v2/`, { headers: { Authorization: basicOf('a:b') } })).status).toBe(200);
  appendFileSync(copy, 'x');
  expect(await served.ended()).toBe(1);
  expect(served.log()).toContain('copy.tar');
});
