import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk, cleanEnvironment, launcher, printed } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Split bundles, for media that hold no large files, and signed bundles. */

const home = scratchFolder();
let upstream: TestRegistry;
let target: TestRegistry;

beforeAll(async () => {
  upstream = await startRegistry();
  target = await startRegistry();
  await pushImage(upstream.host, 'team/app', '1', { size: 300_000, sharedLayer: 'base' });
  await pushImage(upstream.host, 'team/app', '2', { size: 300_000 });
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: home });
  openssl('genpkey', '-algorithm', 'ED25519', '-out', 'key.pem');
  openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'pub.pem');
  const options = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  openssl('genpkey', ...options, '-aes-256-cbc', '-pass', 'pass:open sesame', '-out', 'ec.pem');
  openssl('pkey', '-in', 'ec.pem', '-passin', 'pass:open sesame', '-pubout', '-out', 'ec-pub.pem');
});
afterAll(async () => {
  await upstream.stop();
  await target.stop();
});

const at = (name: string): string => join(home, name);
const bundle = (name: string, tags: readonly string[], ...more: string[]): string[] => [
  'bundle',
  ...tags.flatMap((tag) => ['--image', `${upstream.host}/team/app:${tag}`]),
  ...['--plain-http', upstream.host, '--out', at(name), ...more],
];
const push = (name: string, ...more: string[]): string[] => [
  'push',
  ...[at(name), '--to', `${target.host}/mirror`, '--plain-http', target.host, ...more],
];
const pushed = async (): Promise<string[]> =>
  ((await (await fetch(`${target.url}/v2/_catalog`)).json()) as { repositories: string[] }).repositories;
const like = (name: string): string[] =>
  readdirSync(home)
    .filter((file) => file.startsWith(name))
    .sort();

test('the parts make up the bundle, have the asked size, and match the SHA-256 sums of the index', async () => {
  await airgapOk(bundle('whole.tar', ['1', '2']), home);
  const { stdout } = await airgapOk(bundle('b.tar', ['1', '2'], '--split-size', '500KiB', '-o', 'json'), home);
  const { parts } = JSON.parse(stdout) as { parts: string[] };
  expect(parts.length).toBeGreaterThan(2);
  const sums = ['b.tar', ...parts].map((name) => `${name}.sha256`);
  expect(like('b.tar')).toEqual([...parts, ...sums, 'b.tar.parts.json'].sort());
  const contents = parts.map((part) => readFileSync(at(part)));
  expect(Math.max(...contents.map(({ length }) => length))).toBe(500 * 1024);
  expect(Buffer.concat(contents).equals(readFileSync(at('whole.tar')))).toBe(true);
  const index = JSON.parse(readFileSync(at('b.tar.parts.json'), 'utf8')) as {
    parts: { name: string; sha256: string }[];
  };
  expect(index.parts.map(({ sha256 }) => sha256)).toEqual(
    contents.map((content) => createHash('sha256').update(content).digest('hex')),
  );
  const again = await airgapOk(bundle('b.tar', ['1', '2'], '--split-size', '500KiB', '-o', 'json'), home);
  expect(JSON.parse(again.stdout)).toMatchObject({ status: 'up-to-date', parts });
});

test('where files are limited in size, an unsplit bundle fails with a hint, and a split one works', () => {
  const limited = (args: readonly string[]) =>
    spawnSync('bash', ['-c', 'ulimit -f 500; exec "$0" "$@"', launcher, ...args], {
      env: cleanEnvironment(home),
      encoding: 'utf8',
    });
  const whole = limited(bundle('medium.tar', ['1', '2']));
  expect([whole.status, whole.stderr]).toEqual([1, expect.stringContaining('--split-size ')]);
  expect(limited(bundle('medium.tar', ['1', '2'], '--split-size', '500KiB')).status).toBe(0);
  expect(like('medium.tar').length).toBeGreaterThan(3);
});

test('verify, inspect, diff, --reuse, --since and extract read a split bundle', async () => {
  for (const name of ['b.tar', 'b.tar.parts.json', 'b.tar.001']) {
    const { charts, images, problems } = JSON.parse((await airgapOk(['verify', at(name), '-o', 'json'], home)).stdout);
    expect([charts.length, images.length, problems]).toEqual([0, 2, []]);
  }
  const inspected = (await airgapOk(['inspect', at('b.tar')], home)).stdout;
  expect(inspected).toContain('/team/app:2');
  expectLine(inspected, /\b\d+ parts\b/, /\b\d+ blobs\b/);
  expect((await airgap(['diff', at('whole.tar'), at('b.tar'), '--exit-code'], home)).code).toBe(0);
  const reused = await airgapOk(bundle('reused.tar', ['1', '2'], '--reuse', at('b.tar'), '-o', 'json'), home);
  expect(JSON.parse(reused.stdout)).toMatchObject({ fetched: 0 });
  await airgapOk(bundle('delta.tar', ['1', '2'], '--since', at('b.tar')), home);
  await airgapOk(['extract', at('b.tar'), '--image', `${upstream.host}/team/app:1`, '--out', at('one.tar')], home);
  await airgapOk(['verify', at('one.tar')], home);
  expect(like('b.tar').filter((name) => !/\.(\d{3}|parts\.json|sha256)$/.test(name))).toEqual([]);
});

test('a part that is missing, damaged or exchanged is named, and nothing is sent', async () => {
  const [, second = ''] = like('b.tar').filter((name) => /\.\d{3}$/.test(name));
  const path = at(second);
  const bytes = readFileSync(path);
  renameSync(path, at('away'));
  for (const args of [['verify', at('b.tar')], ['inspect', at('b.tar')], push('b.tar')]) {
    const run = await airgap(args, home);
    expect(run.code).toBe(args[0] === 'verify' ? 3 : 1);
    expectLine(run.stderr, second);
  }
  const damaged = Buffer.from(bytes);
  damaged.write('damaged', 50_000);
  writeFileSync(path, damaged);
  const run = await airgap(['verify', at('b.tar'), '-o', 'json'], home);
  expect(run.code).toBe(3);
  expect(JSON.parse(run.stdout).problems).toMatchObject([
    { message: expect.stringContaining('b.tar.002'), affects: [expect.stringMatching(/team\/app:\d/)] },
    { message: expect.stringContaining('sha256:') },
  ]);
  expectLine((await airgap(['verify', at('b.tar')], home)).stdout, 'b.tar.002', /team\/app:\d/);
  writeFileSync(path, readFileSync(at('b.tar.003')));
  const mixed = await airgap(['verify', at('b.tar')], home);
  expect(mixed.code).toBe(3);
  expectLine(printed(mixed), 'b.tar.002', /b\.tar\.003|\b\d+ bytes/);
  expect(await pushed()).toEqual([]);
  rmSync(path);
  renameSync(at('away'), path);
  await airgapOk(push('b.tar'), home);
  expect(await pushed()).not.toEqual([]);
});

test('a signed bundle is verified with its key, whole and in parts, and is reproducible', async () => {
  const env = { AIRGAP_KEY_PASSPHRASE: 'open sesame' };
  for (const [name, key, pub, more] of [
    ['signed.tar', 'key.pem', 'pub.pem', []],
    ['parts.tar', 'ec.pem', 'ec-pub.pem', ['--split-size', '400kB']],
  ] as const) {
    const args = bundle(name, ['1'], '--sign', at(key), ...more);
    await airgapOk(args, home, { env });
    const again = await airgapOk([...args, '-o', 'json'], home, { env });
    expect(JSON.parse(again.stdout)).toMatchObject({ status: 'up-to-date' });
    const { stdout } = await airgapOk(['verify', at(name), '--key', at(pub)], home);
    const der = execFileSync('openssl', ['pkey', '-pubin', '-in', at(pub), '-outform', 'DER']);
    const fingerprint = digestOf(der);
    expectLine(stdout, fingerprint);
    expectLine((await airgapOk(['inspect', at(name)], home)).stdout, fingerprint);
    await airgapOk(push(name, '--require-signature', at(pub)), home);
  }
});

test('openssl agrees with the signature', async () => {
  const names = execFileSync('tar', ['-tf', at('signed.tar')], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const texts = names.map((name) => execFileSync('tar', ['-xOf', at('signed.tar'), name], { maxBuffer: 1e9 }));
  const payload = texts.find((text) => text.includes('cosign container image signature'));
  const [, base64 = ''] =
    texts.map((text) => /cosign\/signature":"([^"]+)"/.exec(text.toString('latin1'))).find(Boolean) ?? [];
  writeFileSync(at('payload'), payload as Buffer);
  writeFileSync(at('signature'), Buffer.from(base64, 'base64'));
  const args = [
    'pkeyutl',
    '-verify',
    '-pubin',
    '-inkey',
    'pub.pem',
    '-rawin',
    '-in',
    'payload',
    '-sigfile',
    'signature',
  ];
  expect(execFileSync('openssl', args, { cwd: home, encoding: 'utf8' })).toContain('Verified Successfully');
});

test('a bundle that is unsigned, signed by another key, or tampered with is refused before anything is sent', async () => {
  const before = await pushed();
  const bytes = readFileSync(at('signed.tar'));
  const text = bytes.toString('latin1');
  const changed = text.replaceAll('/team/app:1"', '/team/apt:1"');
  expect(changed).not.toBe(text);
  writeFileSync(at('changed.tar'), changed, 'latin1');
  for (const [name, key, fact] of [
    ['whole.tar', 'pub.pem', 'whole.tar'],
    ['signed.tar', 'ec-pub.pem', 'sha256:'],
    ['changed.tar', 'pub.pem', 'changed.tar'],
  ] as const) {
    for (const args of [['verify', at(name), '--key', at(key)], push(name, '--require-signature', at(key))]) {
      const run = await airgap(args, home);
      expect([run.code, run.stderr]).toEqual([3, expect.stringContaining(fact)]);
    }
  }
  expect(await pushed()).toEqual(before);
});

test('invalid keys and sizes are refused before anything is fetched', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('rsa.pem'), rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  for (const [more, facts] of [
    [
      ['--sign', at('rsa.pem')],
      ['rsa.pem', /\brsa\b(?!\.)/i],
    ],
    [
      ['--sign', at('ec.pem')],
      ['ec.pem', /passphrase/i],
    ],
    [
      ['--sign', at('pub.pem')],
      ['pub.pem', /private key/i],
    ],
    [['--split-size', '4GiB'], ['4095MiB']],
    [
      ['--split-size', 'large'],
      ['--split-size', '4095MiB'],
    ],
    [
      ['--split-size', '10'],
      ['parts', '999'],
    ],
  ] as const) {
    const run = await airgap(bundle('never.tar', ['1'], ...more), home);
    expect(run.code).toBe(2);
    expectFacts(run.stderr, ...facts);
  }
  expect(like('never')).toEqual([]);
});
