import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk, cleanEnvironment } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** A bundle in parts, for media that hold no large files, signed by who made it. */

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

test('its parts are the bundle, small enough for their medium, and sha256sum agrees with the index', async () => {
  await airgapOk(bundle('whole.tar', ['1', '2']), home);
  const { stdout } = await airgapOk(bundle('b.tar', ['1', '2'], '--split-size', '500KiB', '-o', 'json'), home);
  const { parts } = JSON.parse(stdout) as { parts: string[] };
  expect(parts.length).toBeGreaterThan(2);
  expect(like('b.tar')).toEqual([...parts, 'b.tar.parts.json']);
  const pieces = parts.map((part) => readFileSync(at(part)));
  expect(Math.max(...pieces.map(({ length }) => length))).toBe(500 * 1024);
  expect(Buffer.concat(pieces).equals(readFileSync(at('whole.tar')))).toBe(true);
  const index = JSON.parse(readFileSync(at('b.tar.parts.json'), 'utf8')) as {
    parts: { name: string; sha256: string }[];
  };
  expect(index.parts.map(({ sha256 }) => sha256)).toEqual(
    pieces.map((piece) => createHash('sha256').update(piece).digest('hex')),
  );
  const again = await airgapOk(bundle('b.tar', ['1', '2'], '--split-size', '500KiB'), home);
  expect(again.stdout).toMatch(/b\.tar is up to date: .* in \d+ parts/);
});

test('where no file can be larger than a part, the whole one says what to do, and the parts do it', () => {
  const launcher = join(import.meta.dirname, '../../scripts/airgap');
  const limited = (args: readonly string[]) =>
    spawnSync('bash', ['-c', 'ulimit -f 500; exec "$0" "$@"', launcher, ...args], {
      env: cleanEnvironment(home),
      encoding: 'utf8',
    });
  const whole = limited(bundle('medium.tar', ['1', '2']));
  expect([whole.status, whole.stderr]).toEqual([1, expect.stringContaining('--split-size 4095MiB')]);
  expect(limited(bundle('medium.tar', ['1', '2'], '--split-size', '500KiB')).status).toBe(0);
  expect(like('medium.tar').length).toBeGreaterThan(3);
});

test('it is verified, inspected, compared, taken from and extracted in place', async () => {
  for (const name of ['b.tar', 'b.tar.parts.json', 'b.tar.001']) {
    const { stdout } = await airgapOk(['verify', at(name)], home);
    expect(stdout).toContain('is complete and undamaged: 0 charts, 2 images');
  }
  const inspected = (await airgapOk(['inspect', at('b.tar')], home)).stdout;
  expect(inspected).toContain('/team/app:2');
  expect(inspected).toMatch(/ in \d+ parts, \d+ blobs/);
  expect((await airgap(['diff', at('whole.tar'), at('b.tar'), '--exit-code'], home)).code).toBe(0);
  const reused = await airgapOk(bundle('reused.tar', ['1', '2'], '--reuse', at('b.tar')), home);
  expect(reused.stdout).toMatch(/\(0 B fetched, .* from earlier bundles\)/);
  await airgapOk(bundle('delta.tar', ['1', '2'], '--since', at('b.tar')), home);
  await airgapOk(['extract', at('b.tar'), '--image', `${upstream.host}/team/app:1`, '--out', at('one.tar')], home);
  await airgapOk(['verify', at('one.tar')], home);
  expect(like('b.tar').filter((name) => !/\.(\d{3}|parts\.json)$/.test(name))).toEqual([]);
});

test('a part that is lost, damaged or in another place is named, and nothing is sent', async () => {
  const [, second = ''] = like('b.tar');
  const path = at(second);
  const bytes = readFileSync(path);
  renameSync(path, at('away'));
  for (const args of [['verify', at('b.tar')], ['inspect', at('b.tar')], push('b.tar')]) {
    const run = await airgap(args, home);
    expect(run.code).toBe(args[0] === 'verify' ? 3 : 1);
    expect(run.stderr).toContain(`the part ${second} is missing`);
  }
  const damaged = Buffer.from(bytes);
  damaged.write('damaged', 50_000);
  writeFileSync(path, damaged);
  const run = await airgap(['verify', at('b.tar')], home);
  expect(run.code).toBe(3);
  expect(run.stdout).toMatch(
    /is damaged:\n {2}- the part b\.tar\.002 is damaged \(affects .*team\/app:\d.*\)\n {2}- the content of sha256:/,
  );
  writeFileSync(path, readFileSync(at('b.tar.003')));
  const mixed = await airgap(['verify', at('b.tar')], home);
  expect(mixed.code).toBe(3);
  expect(`${mixed.stdout}${mixed.stderr}`).toMatch(
    /the part b\.tar\.002 (holds what belongs into b\.tar\.003|has \d+ bytes)/,
  );
  expect(await pushed()).toEqual([]);
  rmSync(path);
  renameSync(at('away'), path);
  await airgapOk(push('b.tar'), home);
  expect(await pushed()).not.toEqual([]);
});

test('a signed one is known by its key, whole and in parts, and the same content is the same file', async () => {
  const env = { AIRGAP_KEY_PASSPHRASE: 'open sesame' };
  for (const [name, key, pub, more] of [
    ['signed.tar', 'key.pem', 'pub.pem', []],
    ['parts.tar', 'ec.pem', 'ec-pub.pem', ['--split-size', '400kB']],
  ] as const) {
    const args = bundle(name, ['1'], '--sign', at(key), ...more);
    await airgapOk(args, home, { env });
    expect((await airgapOk(args, home, { env })).stdout).toContain(`${name} is up to date`);
    const { stdout } = await airgapOk(['verify', at(name), '--key', at(pub)], home);
    const der = execFileSync('openssl', ['pkey', '-pubin', '-in', at(pub), '-outform', 'DER']);
    const fingerprint = `sha256:${createHash('sha256').update(der).digest('hex')}`;
    expect(stdout).toContain(`signed by ${fingerprint}`);
    expect((await airgapOk(['inspect', at(name)], home)).stdout).toContain(`signed, as it says, by ${fingerprint}`);
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

test('one that is not signed, or by another key, or that was changed, is refused before anything is sent', async () => {
  const before = await pushed();
  const bytes = readFileSync(at('signed.tar'));
  const text = bytes.toString('latin1');
  const changed = text.replaceAll('/team/app:1"', '/team/apt:1"');
  expect(changed).not.toBe(text);
  writeFileSync(at('changed.tar'), changed, 'latin1');
  for (const [name, key, why] of [
    ['whole.tar', 'pub.pem', 'whole.tar is not signed'],
    ['signed.tar', 'ec-pub.pem', 'has no signature by the key sha256:'],
    ['changed.tar', 'pub.pem', 'changed.tar'],
  ] as const) {
    for (const args of [['verify', at(name), '--key', at(key)], push(name, '--require-signature', at(key))]) {
      const run = await airgap(args, home);
      expect([run.code, run.stderr]).toEqual([3, expect.stringContaining(why)]);
    }
  }
  expect(await pushed()).toEqual(before);
});

test('keys and sizes that make no sense are refused before the work', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('rsa.pem'), rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  for (const [more, why] of [
    [['--sign', at('rsa.pem')], 'rsa.pem is a key for rsa'],
    [['--sign', at('ec.pem')], 'ec.pem is encrypted, and there is no passphrase'],
    [['--sign', at('pub.pem')], 'pub.pem is no private key'],
    [['--split-size', '4GiB'], 'give 4095MiB'],
    [['--split-size', 'large'], 'such as 4095MiB'],
    [['--split-size', '10'], 'parts, and 999 is the most'],
  ] as const) {
    const run = await airgap(bundle('never.tar', ['1'], ...more), home);
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining(why)]);
  }
  expect(like('never')).toEqual([]);
});
