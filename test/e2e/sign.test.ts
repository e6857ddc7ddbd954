import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withRunLock } from '../../src/base/run-lock.ts';
import { chartYaml, writeFiles } from '../support/charts.ts';
import { airgap, airgapOk, cleanEnvironment, launcher, printed } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { serve } from '../support/serve.ts';

/** Signatures that a reviewer adds to a finished bundle, and what openssl and sha256sum say of its parts. */

const home = scratchFolder();
const at = (name: string): string => join(home, name);
let upstream: TestRegistry;
let target: TestRegistry;
let chart: string;

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  await pushImage(upstream.host, 'team/app', '1', { size: 200_000, sharedLayer: 'base' });
  await pushImage(upstream.host, 'team/app', '2', { size: 200_000, sharedLayer: 'base' });
  await pushImage(upstream.host, 'team/large', '1', { size: 40_000_000, platforms: ['linux/amd64'] });
  chart = await writeFiles(join(home, 'app'), {
    'Chart.yaml': chartYaml('app'),
    'values.yaml': `image: ${upstream.host}/team/app:1\n`,
    'templates/pod.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "{{ .Values.image }}"}]}\n',
  });
  for (const name of ['builder', 'reviewer', 'stranger']) {
    openssl('genpkey', '-algorithm', 'ED25519', '-out', `${name}.pem`);
    openssl('pkey', '-in', `${name}.pem`, '-pubout', '-out', `${name}.pub`);
  }
  const p256 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  openssl('genpkey', ...p256, '-aes-256-cbc', '-pass', 'pass:open sesame', '-out', 'ec.pem');
  openssl('pkey', '-in', 'ec.pem', '-passin', 'pass:open sesame', '-pubout', '-out', 'ec.pub');
  await airgapOk(bundle('b.tar', '1', '--sign', at('builder.pem')), home);
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
const bundle = (name: string, tag: string, ...more: string[]): string[] => [
  ...['bundle', ...(tag === '1' ? [chart] : ['--image', `${upstream.host}/team/app:${tag}`])],
  ...['--plain-http', upstream.host, '--out', at(name), ...more],
];
const sign = (name: string, key: string, ...more: string[]): string[] => [
  'sign',
  ...[at(name), '--private-key', at(`${key}.pem`), ...more],
];
const keys = (flag: string, ...names: string[]): string[] => names.flatMap((name) => [flag, at(`${name}.pub`)]);
const to = (): string[] => ['--to', `${target.host}/mirror`, '--plain-http', target.host];
const fingerprint = (name: string): string =>
  digestOf(execFileSync('openssl', ['pkey', '-pubin', '-in', at(`${name}.pub`), '-outform', 'DER']));
const keyName = (name: string): string => fingerprint(name).slice('sha256:'.length, 'sha256:'.length + 8);
const sha256 = (name: string): string =>
  createHash('sha256')
    .update(readFileSync(at(name)))
    .digest('hex');
const like = (name: string): string[] =>
  readdirSync(home)
    .filter((file) => file.startsWith(name))
    .sort();

/** Commands that read a bundle, with the flag that requires signatures. */
const uses = (name: string): [string[], string][] => [
  [['verify', at(name)], '--key'],
  [['inspect', at(name)], '--require-signature'],
  [['diff', at(name), at(name)], '--require-signature'],
  [['extract', at(name), '--chart', 'app', '--out', at('app.tgz'), '--force'], '--require-signature'],
  [['push', at(name), ...to()], '--require-signature'],
  [['values', 'app', '--bundle', at(name), ...to(), '--out', at('v.yaml')], '--require-signature'],
  [['check', '--all', '--bundle', at(name), ...to()], '--require-signature'],
];

test('every command wants all required signatures, and names the missing ones at once', async () => {
  const missing = [at('reviewer.pub'), at('stranger.pub'), fingerprint('reviewer'), fingerprint('stranger')];
  for (const [args, flag] of [...uses('b.tar'), [['serve', at('b.tar')], '--require-signature'] as const]) {
    const run = await airgap([...args, ...keys(flag, 'builder', 'reviewer', 'stranger')], home);
    expect(run.code, args[0]).toBe(3);
    expectFacts(run.stderr, ...missing);
    expect(run.stderr).not.toContain(at('builder.pub'));
  }
  expect(tagsOf(target)).toEqual([]);
});

test('a reviewer signs beside the builder, and every command accepts both', async () => {
  const { stdout } = await airgapOk(
    sign('b.tar', 'reviewer', ...keys('--require-signature', 'builder'), '-o', 'json'),
    home,
  );
  const signedBy = fingerprint('reviewer');
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'Signing', status: 'signed', signedBy, signatures: 2 });
  const bytes = sha256('b.tar');
  for (const [args, flag] of uses('b.tar')) await airgapOk([...args, ...keys(flag, 'builder', 'reviewer')], home);
  const server = await serve(at('b.tar'), ...keys('--require-signature', 'builder', 'reviewer'));
  expect(await server.stop()).toBe(0);

  // What the bundle claims, and what was verified.
  const claimed = JSON.parse((await airgapOk(['inspect', at('b.tar'), '-o', 'json'], home)).stdout);
  expect(claimed.signatures.map((claim: { fingerprint: string }) => claim.fingerprint).sort()).toEqual(
    [fingerprint('builder'), signedBy].sort(),
  );
  const half = (await airgapOk(['inspect', at('b.tar'), ...keys('--require-signature', 'builder')], home)).stdout;
  expectLine(half, /^signed by/, fingerprint('builder'));
  expectLine(half, /not verified/, signedBy);

  // Again by either: the same file.
  const again = JSON.parse((await airgapOk([...sign('b.tar', 'reviewer'), '-o', 'json'], home)).stdout);
  expect(again).toMatchObject({ status: 'up-to-date', signatures: 2 });
  const written = await airgapOk(bundle('b.tar', '1', '--sign', at('builder.pem'), '-o', 'json'), home);
  expect(JSON.parse(written.stdout).status).toBe('up-to-date');
  expect(sha256('b.tar')).toBe(bytes);
  // Ed25519: whoever signs first.
  await airgapOk(bundle('other.tar', '1', '--sign', at('reviewer.pem')), home);
  await airgapOk(sign('other.tar', 'builder'), home);
  expect(sha256('other.tar')).toBe(bytes);
});

test('a bundle with two signatures is reused, and a delta refers to it', async () => {
  const reused = await airgapOk(bundle('reused.tar', '1', '--reuse', at('b.tar'), '-o', 'json'), home);
  expect(JSON.parse(reused.stdout)).toMatchObject({ fetched: 0 });
  await airgapOk(bundle('delta.tar', '2', '--since', at('b.tar')), home);
  await airgapOk(sign('delta.tar', 'builder'), home);
  await airgapOk(sign('delta.tar', 'reviewer'), home);
  await airgapOk(['verify', at('delta.tar'), ...keys('--key', 'builder', 'reviewer')], home);
  await airgapOk(['push', at('delta.tar'), ...to(), ...keys('--require-signature', 'builder', 'reviewer')], home);
});

test('a run that is killed leaves the old file, and the next one signs', async () => {
  await airgapOk(
    ['bundle', '--image', `${upstream.host}/team/large:1`, '--plain-http', upstream.host, '--out', at('large.tar')],
    home,
  );
  const [bytes, size] = [sha256('large.tar'), statSync(at('large.tar')).size];
  const copying = async (): Promise<void> => {
    const begun = () => (statSync(at('large.tar.signing'), { throwIfNoEntry: false })?.size ?? 0) > 1_000_000;
    while (!begun()) await sleep(1);
  };
  const killed = await airgap(sign('large.tar', 'reviewer'), home, {
    interruptAt: { signal: 'SIGKILL', when: copying() },
  });
  expect(killed.code).not.toBe(0);
  expect(statSync(at('large.tar.signing')).size).toBeLessThan(size);
  expect(sha256('large.tar')).toBe(bytes);
  await airgapOk(['verify', at('large.tar')], home);
  await airgapOk(sign('large.tar', 'reviewer'), home);
  await airgapOk(['verify', at('large.tar'), ...keys('--key', 'reviewer')], home);
  expect(like('large.tar')).toEqual(['large.tar']);
});

test('parts, their checksums and signatures are checked by sha256sum and openssl alone', async () => {
  const env = { AIRGAP_KEY_PASSPHRASE: 'open sesame' };
  await airgapOk(bundle('p.tar', '1', '--split-size', '150kB', '--sign', at('builder.pem')), home);
  const parts = like('p.tar').filter((name) => /\.\d{3}$/.test(name));
  const bytes = parts.map(sha256);
  await airgapOk(sign('p.tar', 'ec'), home, { env });
  expect(parts.map(sha256)).toEqual(bytes);
  for (const name of ['p.tar', 'p.tar.parts.json', 'p.tar.002'])
    await airgapOk(['verify', at(name), ...keys('--key', 'builder', 'ec')], home);
  const { stdout } = await airgapOk(
    ['push', at('p.tar'), ...to(), ...keys('--require-signature', 'builder', 'ec')],
    home,
  );
  expect(stdout).toContain('team/app:1');

  const sums = (file: string) => spawnSync('sha256sum', ['-c', file], { cwd: home, encoding: 'utf8' });
  const ed25519 = (file: string) =>
    spawnSync(
      'openssl',
      [
        ...['pkeyutl', '-verify', '-pubin', '-inkey', 'builder.pub', '-rawin', '-in', file],
        ...['-sigfile', `${file}.${keyName('builder')}.sig`],
      ],
      { cwd: home },
    );
  const ecdsa = (file: string) =>
    spawnSync('openssl', ['dgst', '-sha256', '-verify', 'ec.pub', '-signature', `${file}.${keyName('ec')}.sig`, file], {
      cwd: home,
    });
  const all = sums('p.tar.sha256');
  expect([all.status, all.stdout.split('\n').length - 1]).toEqual([0, parts.length + 1]);
  for (const name of ['p.tar', ...parts]) {
    const file = `${name}.sha256`;
    expect([sums(file).status, ed25519(file).status, ecdsa(file).status], name).toEqual([0, 0, 0]);
  }

  const tampered = async (name: string, check: () => number | null): Promise<void> => {
    const before = readFileSync(at(name));
    const changed = Buffer.from(before);
    changed[3] = (changed[3] as number) ^ 1;
    writeFileSync(at(name), changed);
    expect(check(), name).not.toBe(0);
    writeFileSync(at(name), before);
    expect(check(), name).toBe(0);
  };
  await tampered('p.tar.002', () => sums('p.tar.002.sha256').status);
  await tampered('p.tar.parts.json', () => sums('p.tar.sha256').status);
  await tampered('p.tar.001.sha256', () => ed25519('p.tar.001.sha256').status);
  await tampered('p.tar.001.sha256', () => ecdsa('p.tar.001.sha256').status);
  await tampered(`p.tar.sha256.${keyName('builder')}.sig`, () => ed25519('p.tar.sha256').status);
  await tampered(`p.tar.sha256.${keyName('ec')}.sig`, () => ecdsa('p.tar.sha256').status);
});

test('what cannot be signed is said in one sentence, and nothing is written', async () => {
  const work = at('bad');
  mkdirSync(work);
  const damaged = readFileSync(at('b.tar'));
  damaged.write('x', damaged.length - 60_000);
  writeFileSync(join(work, 'damaged.tar'), damaged);
  writeFileSync(join(work, 'cut.tar'), damaged.subarray(0, 100_000));
  writeFileSync(join(work, 'text.tar'), 'no archive');
  copyFileSync(at('b.tar'), join(work, 'good.tar'));
  execFileSync(
    'sh',
    ['-c', 'mkdir layout && tar -xf good.tar -C layout && tar -cf repacked.tar -C layout . && rm -r layout'],
    {
      cwd: work,
    },
  );
  await airgapOk(['extract', at('b.tar'), '--image', '*/team/app:1', '--out', join(work, 'image.tar')], home);
  const wrong = { AIRGAP_KEY_PASSPHRASE: 'wrong' };
  const before = readdirSync(work).map((name) => [name, sha256(`bad/${name}`)]);
  for (const [args, code, facts, env] of [
    [sign('bad/good.tar', 'ec'), 2, ['ec.pem', 'AIRGAP_KEY_PASSPHRASE'], {}],
    [sign('bad/good.tar', 'ec'), 2, ['ec.pem', 'AIRGAP_KEY_PASSPHRASE'], wrong],
    [['sign', join(work, 'good.tar'), '--private-key', at('builder.pub')], 2, ['builder.pub', /public key/], {}],
    [['sign', join(work, 'good.tar'), '--private-key', at('none.pem')], 1, ['none.pem'], {}],
    [['sign', join(work, 'good.tar')], 2, ['--private-key'], {}],
    [sign('bad/good.tar', 'builder', ...keys('--require-signature', 'stranger')), 3, ['stranger.pub'], {}],
    [sign('bad/damaged.tar', 'builder'), 3, ['damaged.tar', /not signed/], {}],
    [sign('bad/cut.tar', 'builder'), 3, ['cut.tar'], {}],
    [sign('bad/text.tar', 'builder'), 3, ['text.tar'], {}],
    [sign('bad/none.tar', 'builder'), 1, ['none.tar'], {}],
    [sign('bad/repacked.tar', 'stranger'), 1, ['repacked.tar', /another tool/], {}],
    [sign('bad/image.tar', 'stranger'), 1, ['image.tar', /inventory/], {}],
  ] as const) {
    const run = await airgap(args, home, { env });
    expect([run.code, run.stdout], args.join(' ')).toEqual([code, '']);
    expectFacts(run.stderr, ...facts);
    expect(run.stderr).not.toMatch(/^ +at /m);
  }
  expect(readdirSync(work).map((name) => [name, sha256(`bad/${name}`)])).toEqual(before);

  const run = inReadOnlyFolder(work, sign('bad/good.tar', 'stranger'));
  expect(run.status).toBe(1);
  expectFacts(run.stderr, work);
  expect(readdirSync(work).map((name) => [name, sha256(`bad/${name}`)])).toEqual(before);
});

test('runs on two names of a file exclude each other', async () => {
  copyFileSync(at('b.tar'), at('real.tar'));
  mkdirSync(at('links'));
  symlinkSync('../real.tar', at('links/link.tar'));
  const before = sha256('real.tar');
  const busy = await withRunLock(at('real.tar'), () => airgap(sign('links/link.tar', 'reviewer'), home));
  expect([busy.code, busy.stdout]).toEqual([1, '']);
  expectFacts(busy.stderr, /another run/, 'real.tar');
  expect(sha256('real.tar')).toBe(before);
  await airgapOk(sign('links/link.tar', 'reviewer'), home);
  expect(lstatSync(at('links/link.tar')).isSymbolicLink()).toBe(true);
  await airgapOk(['verify', at('real.tar'), ...keys('--key', 'builder', 'reviewer')], home);
  expect(readdirSync(at('links'))).toEqual(['link.tar']);
});

/** Runs the plugin while a folder is read-only: for root, by a mount that only this run sees. */
function inReadOnlyFolder(folder: string, args: readonly string[]) {
  const options = { env: cleanEnvironment(home), encoding: 'utf8' } as const;
  if (process.getuid?.() === 0) {
    const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"';
    return spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', folder, launcher, ...args], options);
  }
  chmodSync(folder, 0o555);
  try {
    return spawnSync(launcher, args, options);
  } finally {
    chmodSync(folder, 0o755);
  }
}

test('a lost or damaged file of signatures is noticed', async () => {
  const file = at('p.tar.signatures.json');
  const text = readFileSync(file, 'utf8');
  const use = ['verify', at('p.tar'), ...keys('--key', 'builder', 'ec')];
  for (const [content, fact] of [
    ['{', 'p.tar.signatures.json'],
    [text.replace(/"signature": "./, '"signature": "!'), 'ec.pub'],
    [undefined, 'ec.pub'],
  ] as const) {
    if (content === undefined) rmSync(file);
    else writeFileSync(file, content);
    const run = await airgap(use, home);
    expect(run.code).toBe(3);
    expectLine(printed(run), fact);
  }
  writeFileSync(file, text);
  await airgapOk(use, home);
});
