import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authority } from '../support/certificate.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** A registry that requires a client certificate (distribution, `http.tls.clientcas`). */

const home = scratchFolder();
const own = authority();
const client = own.issue('client');
const stranger = authority('another CA').issue('client');
const file = (name: string, content: string): string => {
  writeFileSync(join(home, name), content);
  return join(home, name);
};
const caFile = file('ca.pem', own.ca);
const certFile = file('client.pem', client.cert);
const keyFile = file('client.key', client.key);
const image = 'registry.example/team/app:1';
let upstream: TestRegistry;
let closed: TestRegistry;

beforeAll(async () => {
  upstream = await startRegistry();
  await fillUpstream(upstream.host, [image]);
  closed = await startRegistry({ tls: own.issue('registry'), clients: { ca: own.ca, ...client } });
  const mirror = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await airgapOk(['bundle', '--image', image, ...mirror, '--out', join(home, 'one.tar')], home);
});
afterAll(async () => {
  await closed.stop();
  await upstream.stop();
});

const named = (host = closed.host): string[] => [
  ...['--ca-file', caFile, '--client-cert', `${host}=${certFile}`, '--client-key', `${host}=${keyFile}`],
];
const push = (...args: string[]): string[] => ['push', join(home, 'one.tar'), '--to', `${closed.host}/m`, ...args];

test('accepts a push with --client-cert, and a pull with the certificate of certs.d', async () => {
  await airgapOk(push(...named()), home);
  const folder = join(home, '.config/containers/certs.d', closed.host);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'ca.crt'), own.ca);
  writeFileSync(join(folder, 'client.cert'), client.cert);
  writeFileSync(join(folder, 'client.key'), client.key);
  const there = `${closed.host}/m/${image}`;
  await airgapOk(['bundle', '--image', there, '--out', join(home, 'back.tar')], home);
  const { images } = JSON.parse((await airgapOk(['inspect', join(home, 'back.tar'), '-o', 'json'], home)).stdout);
  expect(images).toHaveLength(1);
});

test('accepts a push whose certificate comes from a configuration file, with paths relative to it', async () => {
  const config = `apiVersion: airgap/v1
kind: Config
caFile: ca.pem
clientCertificates:
  "${closed.host}": {cert: client.pem, key: client.key}
`;
  await airgapOk(push('--config', file('airgap.yaml', config)), scratchFolder());
});

test('without a certificate or with another, push fails and names host and flag', async () => {
  const bare = scratchFolder();
  const without = await airgap(push('--ca-file', caFile), bare);
  expect(without.code).toBe(1);
  expectFacts(without.stderr, /client certificate/i, `--client-cert ${closed.host}=FILE`);
  const both = file('stranger.pem', stranger.cert + stranger.key);
  const refused = await airgap(push('--ca-file', caFile, '--client-cert', `${closed.host}=${both}`), bare);
  expect(refused.code).toBe(1);
  expectLine(refused.stderr, closed.host, /client certificate/i);
  expect(refused.stderr).not.toBe(without.stderr);
  const wrong = await airgap(push('--client-cert', `${closed.host}=${certFile}`), bare);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('client.pem');
});

test('serves charts to Helm, which receives the certificate', async () => {
  const folder = join(home, 'charts');
  mkdirSync(folder);
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', folder], home);
  const archive = join(folder, readdirSync(folder)[0] as string);
  const tls = ['--ca-file', caFile, '--cert-file', certFile, '--key-file', keyFile];
  await program(helmUnderTest(), ['push', archive, `oci://${closed.host}/charts`, ...tls], home);
  const chart = ['images', `oci://${closed.host}/charts/shop`, '-o', 'json'];
  const { charts } = JSON.parse((await airgapOk([...chart, ...named()], scratchFolder())).stdout);
  expect(charts).toMatchObject([{ name: 'shop' }]);
  expect((await airgap([...chart, '--ca-file', caFile], scratchFolder())).code).toBe(1);
});
