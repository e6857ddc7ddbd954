import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { airgap, airgapOk, printed } from '../support/cli.ts';
import { expectLine, expectWarning } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy, type TamperingProxy } from '../support/tampering-proxy.ts';

/** Estimates before a bundle is fetched, and blobs that are reused from earlier bundles. */

const home = scratchFolder();
let upstream: TestRegistry;
let counter: TamperingProxy;
/** Requests to the registry: `GET blobs/sha256:…`. */
let requests: string[] = [];

beforeAll(async () => {
  upstream = await startRegistry();
  await pushImage(upstream.host, 'team/app', '1', { size: 300_000, sharedLayer: 'base' });
  await pushImage(upstream.host, 'team/app', '2', { size: 300_000, sharedLayer: 'base' });
  counter = await startTamperingProxy(upstream.host, (method, path) => {
    requests.push(`${method} ${path.replace(/^\/v2\/team\/app\//, '')}`);
    return undefined;
  });
});
afterAll(async () => {
  await counter.stop();
  await upstream.stop();
});
beforeEach(() => {
  requests = [];
});

const out = (name: string): string => join(home, name);
const bundle = (name: string, tags: readonly string[], ...more: string[]): string[] => [
  'bundle',
  ...tags.flatMap((tag) => ['--image', `${upstream.host}/team/app:${tag}`]),
  ...['--mirror', `${upstream.host}=${counter.host}`, '--plain-http', counter.host],
  ...['--out', out(name), ...more],
];
const blobRequests = (): string[] => requests.filter((line) => line.includes('blobs/'));

test('a dry run prints the estimate, reads no layer and writes nothing', async () => {
  const run = await airgapOk(bundle('dry.tar', ['1', '2'], '--dry-run', '--no-image-configs'), home);
  expectLine(run.stderr, 'dry.tar');
  expectLine(run.stdout, /\b2 images, \d+ blobs, [\d.]+ [kM]B\b/);
  expectLine(run.stdout, /\d [kM]B to fetch\b/, /\d [kM]B saved by shared layers\b/);
  expectLine(run.stdout, /\bfree\b/);
  expect(requests.some((line) => line.startsWith('GET manifests/'))).toBe(true);
  expect(blobRequests()).toEqual([]);
  expect(readdirSync(home).filter((name) => name.startsWith('dry'))).toEqual([]);
});

test('a dry run with -o json has the figures of the run that follows', async () => {
  const { stdout } = await airgapOk(bundle('estimated.tar', ['1'], '--dry-run', '-o', 'json'), home);
  const estimate = JSON.parse(stdout);
  expect(estimate).toMatchObject({ apiVersion: 'airgap/v1', kind: 'Estimate', file: out('estimated.tar'), images: 1 });
  const result = JSON.parse((await airgapOk(bundle('estimated.tar', ['1'], '-o', 'json'), home)).stdout);
  const { size, blobs, fetched } = result;
  expect(result).toMatchObject({ kind: 'Bundle', status: 'written' });
  expect(estimate).toMatchObject({ size, blobs, fetched, needed: size });
  expect(result.estimate).toBeUndefined();
});

test('a dry run reports a bundle that is up to date', async () => {
  await airgapOk(bundle('there.tar', ['1']), home);
  const run = await airgapOk(bundle('there.tar', ['1'], '--dry-run', '-o', 'json'), home);
  expect(JSON.parse(run.stdout)).toMatchObject({ kind: 'Estimate', fetched: 0, needed: 0 });
});

test('a full disk and a pull limit are detected before anything is written', async () => {
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
      expectLine(printed(run), host, /\b74\b/, /\b100\b/, /\b6 h/);
      expectLine(run.stderr, /^Error: /, /\b\d{16}\b.*\b\d+\b/);
      expect(readdirSync(home).filter((name) => name.startsWith('huge'))).toEqual([]);
    }
  } finally {
    server.close();
  }
});

test('blobs of an earlier bundle are not fetched, and the result is the same to the byte', async () => {
  await airgapOk(bundle('old.tar', ['1']), home);
  await airgapOk(bundle('plain.tar', ['1', '2']), home);
  const everything = new Set(blobRequests());
  requests = [];
  const run = await airgapOk(bundle('new.tar', ['1', '2'], '--reuse', out('old.tar'), '-o', 'json'), home);
  const result = JSON.parse(run.stdout);
  expect(Math.min(result.fetched, result.reused)).toBeGreaterThan(0);
  const fetched = blobRequests();
  const old = readFileSync(out('old.tar')).toString('latin1');
  expect(fetched.length).toBeGreaterThan(0);
  expect(fetched.length).toBeLessThan(everything.size);
  for (const line of fetched) expect(old).not.toContain(line.replace('GET blobs/sha256:', 'blobs/sha256/'));
  expect(readFileSync(out('new.tar')).equals(readFileSync(out('plain.tar')))).toBe(true);
});

test('with all blobs in earlier bundles, only manifests are fetched', async () => {
  for (const tag of ['1', '2']) await airgapOk(bundle(`${tag}.tar`, [tag]), home);
  requests = [];
  await airgapOk(bundle('both.tar', ['1', '2'], '--reuse', out('1.tar'), '--reuse', out('2.tar')), home);
  expect(blobRequests()).toEqual([]);
  expect(requests.length).toBeGreaterThan(0);
  await airgapOk(['verify', out('both.tar')], home);
});

test('damaged blobs of an earlier bundle are fetched, with a warning', async () => {
  await airgapOk(bundle('whole.tar', ['1']), home);
  copyFileSync(out('whole.tar'), out('damaged.tar'));
  const bytes = readFileSync(out('damaged.tar'));
  bytes.write('damaged', Math.floor(bytes.length / 4));
  writeFileSync(out('damaged.tar'), bytes);
  requests = [];
  const run = await airgapOk(bundle('mended.tar', ['1'], '--reuse', out('damaged.tar')), home);
  expectWarning(run, 'damaged.tar', /sha256:[0-9a-f]+/);
  expect(blobRequests()).toHaveLength(1);
  expect(readFileSync(out('mended.tar')).equals(readFileSync(out('whole.tar')))).toBe(true);
});

test('--reuse refuses a file that is no bundle', async () => {
  writeFileSync(out('text.tar'), 'this is no archive\n'.repeat(100));
  const run = await airgap(bundle('never.tar', ['1'], '--reuse', out('text.tar')), home);
  expect(run.code).toBe(1);
  expectLine(run.stderr, /^Error: /, 'text.tar');
  expect(requests).toEqual([]);
});
