import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { type Meddler, startMeddler } from '../support/meddler.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** What a bundle is going to cost is said before it is fetched, and what an earlier bundle holds is not fetched again. */

const home = scratchFolder();
let upstream: TestRegistry;
let counter: Meddler;
/** What the registry was asked for: `GET blobs/sha256:…`. */
let asked: string[] = [];

beforeAll(async () => {
  upstream = await startRegistry();
  await pushImage(upstream.host, 'team/app', '1', { size: 300_000, sharedLayer: 'base' });
  await pushImage(upstream.host, 'team/app', '2', { size: 300_000, sharedLayer: 'base' });
  counter = await startMeddler(upstream.host, (method, path) => {
    asked.push(`${method} ${path.replace(/^\/v2\/team\/app\//, '')}`);
    return undefined;
  });
});
afterAll(async () => {
  await counter.stop();
  await upstream.stop();
});
beforeEach(() => {
  asked = [];
});

const out = (name: string): string => join(home, name);
const bundle = (name: string, tags: readonly string[], ...more: string[]): string[] => [
  'bundle',
  ...tags.flatMap((tag) => ['--image', `${upstream.host}/team/app:${tag}`]),
  ...['--mirror', `${upstream.host}=${counter.host}`, '--plain-http', counter.host],
  ...['--out', out(name), ...more],
];
const blobsAsked = (): string[] => asked.filter((line) => line.includes('blobs/'));

test('a dry run says what it is going to cost, reads no layer and writes nothing', async () => {
  const run = await airgapOk(bundle('dry.tar', ['1', '2'], '--dry-run', '--no-image-configs'), home);
  expect(run.stdout).toMatch(/^a dry run: .*dry\.tar was not written\n$/);
  expect(run.stderr).toMatch(/^the bundle: 0 charts, 2 images, \d+ blobs, .* to fetch, .* saved by sharing$/m);
  expect(run.stderr).toMatch(/ of disk needed, .* free$/m);
  expect(asked.some((line) => line.startsWith('GET manifests/'))).toBe(true);
  expect(blobsAsked()).toEqual([]);
  expect(readdirSync(home).filter((name) => name.startsWith('dry'))).toEqual([]);
});

test('its document has the figures of the run that follows', async () => {
  const { stdout } = await airgapOk(bundle('told.tar', ['1'], '--dry-run', '-o', 'json'), home);
  const estimate = JSON.parse(stdout);
  expect(estimate).toMatchObject({ apiVersion: 'airgap/v1', kind: 'Estimate', file: out('told.tar'), images: 1 });
  const result = JSON.parse((await airgapOk(bundle('told.tar', ['1'], '-o', 'json'), home)).stdout);
  const { size, blobs, fetched } = result;
  expect(result).toMatchObject({ kind: 'Bundle', status: 'written' });
  expect(estimate).toMatchObject({ size, blobs, fetched, needed: size });
  expect(result.estimate).toBeUndefined();
});

test('a dry run where the bundle is already says so', async () => {
  await airgapOk(bundle('there.tar', ['1']), home);
  const run = await airgapOk(bundle('there.tar', ['1'], '--dry-run'), home);
  expect(run.stdout).toMatch(/there\.tar is up to date/);
});

test('too little room on the disk and the limit on pulls are known before anything is written', async () => {
  const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('a'), size: 2 },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digest('b'), size: 2 ** 52 }],
  });
  const limits = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '74;w=21600' };
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': type, ...limits }).end(manifest);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ['bundle', '--image', `${host}/team/huge:1`, '--plain-http', host, '--no-image-configs'];
  try {
    for (const more of [[], ['--dry-run']]) {
      const run = await airgap([...args, '--out', out('huge.tar'), ...more], home);
      expect(run.code).toBe(1);
      expect(run.stderr).toMatch(new RegExp(`free; ${host}: 74 of 100 pulls per 6 h left$`, 'm'));
      expect(run.stderr).toMatch(/^Error: the bundle needs \d{16} bytes, and .* has \d+$/m);
      expect(readdirSync(home).filter((name) => name.startsWith('huge'))).toEqual([]);
    }
  } finally {
    server.close();
  }
});

test('no blob is fetched that an earlier bundle holds, and the result is the same to the byte', async () => {
  await airgapOk(bundle('old.tar', ['1']), home);
  await airgapOk(bundle('plain.tar', ['1', '2']), home);
  const everything = new Set(blobsAsked());
  asked = [];
  const run = await airgapOk(bundle('new.tar', ['1', '2'], '--reuse', out('old.tar')), home);
  expect(run.stdout).toMatch(/new\.tar written: .* fetched, .* from earlier bundles\)/);
  const fetched = blobsAsked();
  const old = readFileSync(out('old.tar')).toString('latin1');
  expect(fetched.length).toBeGreaterThan(0);
  expect(fetched.length).toBeLessThan(everything.size);
  for (const line of fetched) expect(old).not.toContain(line.replace('GET blobs/sha256:', 'blobs/sha256/'));
  expect(readFileSync(out('new.tar')).equals(readFileSync(out('plain.tar')))).toBe(true);
});

test('with everything in earlier bundles, manifests are all that is fetched', async () => {
  for (const tag of ['1', '2']) await airgapOk(bundle(`${tag}.tar`, [tag]), home);
  asked = [];
  await airgapOk(bundle('both.tar', ['1', '2'], '--reuse', out('1.tar'), '--reuse', out('2.tar')), home);
  expect(blobsAsked()).toEqual([]);
  expect(asked.length).toBeGreaterThan(0);
  await airgapOk(['verify', out('both.tar')], home);
});

test('what is damaged in it is fetched, with a warning', async () => {
  await airgapOk(bundle('whole.tar', ['1']), home);
  copyFileSync(out('whole.tar'), out('damaged.tar'));
  const bytes = readFileSync(out('damaged.tar'));
  bytes.write('damaged', Math.floor(bytes.length / 4));
  writeFileSync(out('damaged.tar'), bytes);
  asked = [];
  const run = await airgapOk(bundle('mended.tar', ['1'], '--reuse', out('damaged.tar')), home);
  expect(run.stderr).toMatch(/^warning: .*damaged\.tar gives no sha256:[0-9a-f]+, so it is fetched/m);
  expect(blobsAsked()).toHaveLength(1);
  expect(readFileSync(out('mended.tar')).equals(readFileSync(out('whole.tar')))).toBe(true);
});

test('an earlier bundle that is none', async () => {
  writeFileSync(out('text.tar'), 'this is no archive\n'.repeat(100));
  const run = await airgap(bundle('never.tar', ['1'], '--reuse', out('text.tar')), home);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/text\.tar/);
  expect(asked).toEqual([]);
});
