import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { listUnderTag, tagFor } from '../support/artifacts.ts';
import { airgap, airgapOk, type Run } from '../support/cli.ts';
import { expectFacts, expectLine, linesWith } from '../support/facts.ts';
import { pushBuilt, pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import {
  bundleManifest,
  IDENTITY,
  ISSUER,
  type SigningOptions,
  type Sigstore,
  signatureManifest,
  startSigstore,
} from '../support/sigstore.ts';

/** Keyless signatures, end to end: a private sigstore signs images in a registry. */

const app = 'quay.io/acme/app';
const other = 'quay.io/other/tool';
const bare = 'docker.io/library/bare';
const MAIL = { identity: 'release@other.example', issuer: 'https://accounts.google.com' };

let home: string;
let registry: TestRegistry;
let sigstore: Sigstore;
/** Flags that find the images. */
let from: readonly string[];
/** Flags that name the identity of `app`. */
const acme = ['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', ISSUER];
let root: readonly string[];

/** Pushes an image with a signature as cosign 2 lays it out. */
async function pushSigned(
  repository: string,
  tag: string,
  options: SigningOptions = {},
  by = sigstore,
): Promise<string> {
  const digest = await pushImage(registry.host, repository, tag);
  await pushBuilt(registry.host, repository, tagFor(digest, 'sig'), signatureManifest(await by.sign(digest, options)));
  return digest;
}

/** Pushes an image with a signature as cosign 3 lays it out. */
async function pushBundled(repository: string, tag: string, options: SigningOptions = {}): Promise<void> {
  const digest = await pushImage(registry.host, repository, tag);
  const accept = 'application/vnd.oci.image.index.v1+json';
  const answer = await fetch(`http://${registry.host}/v2/${repository}/manifests/${digest}`, { headers: { accept } });
  const subject = { mediaType: accept, digest, size: (await answer.arrayBuffer()).byteLength };
  const artifact = bundleManifest(await sigstore.bundle(digest, options), subject);
  await pushBuilt(registry.host, repository, undefined, artifact);
  await listUnderTag(registry.host, repository, digest, artifact);
}

function inHome(name: string, content: string): string {
  writeFileSync(join(home, name), content);
  return join(home, name);
}

beforeAll(async () => {
  home = scratchFolder();
  [registry, sigstore] = await Promise.all([startRegistry(), startSigstore()]);
  from = ['--mirror', `*=${registry.host}`, '--plain-http', registry.host];
  root = ['--trusted-root', inHome('trusted_root.json', sigstore.root)];
  await pushSigned(app, '1');
  await pushBundled(other, '1', MAIL);
  await pushImage(registry.host, bare, '1');
  execFileSync('openssl', ['genpkey', '-algorithm', 'ED25519', '-out', join(home, 'key.pem')]);
  execFileSync('openssl', ['pkey', '-in', join(home, 'key.pem'), '-pubout', '-out', join(home, 'key.pub')]);
});

afterAll(() => registry.stop());

/** Runs a command in which any connection is refused and noted. */
async function runOffline(args: readonly string[]): Promise<Run & { readonly refused: string }> {
  const refused = inHome('refused', '');
  const preload = join(import.meta.dirname, '../support/no-network.cjs');
  const env = { NODE_OPTIONS: `--require ${preload}`, REFUSED_CONNECTIONS: refused };
  const run = await airgap(args, home, { env });
  return { ...run, refused: readFileSync(refused, 'utf8') };
}

/** Runs `verify`. @throws Error if it tried to connect */
async function verifyOffline(...args: readonly string[]): Promise<Run> {
  const { refused, ...run } = await runOffline(['verify', ...args]);
  expect(refused).toBe('');
  return run;
}

test('a bundle is refused unless the named identity has signed every image, and is verified without a network', async () => {
  const file = join(home, 'one.tar');
  const bundle = ['bundle', ...from, ...root, '--out', file, '--image', `${app}:1`];
  const wrongIdentity = ['--certificate-identity', MAIL.identity, '--certificate-oidc-issuer', ISSUER];
  const wrongIssuer = ['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', MAIL.issuer];
  for (const flags of [wrongIdentity, wrongIssuer, [...acme, '--image', `${bare}:1`]]) {
    const { code, stderr } = await airgap([...bundle, ...flags], home);
    expect(code).toBe(3);
    expect(existsSync(file)).toBe(false);
    if (flags.includes('--image')) expect(linesWith(stderr, `${app}:1`, 'signature')).toEqual([]);
    else expectFacts(stderr, `${app}:1`, IDENTITY, ISSUER);
  }
  // What notes connections does so.
  expect((await runOffline([...bundle, ...acme])).refused).not.toBe('');
  await airgapOk([...bundle, ...acme, '--sign', join(home, 'key.pem')], home);
  const key = ['--key', join(home, 'key.pub')];
  // Other tools take the root out of the archive.
  const { lock } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  const blob = `blobs/${lock.trustedRoot.replace(':', '/')}`;
  expect(execFileSync('tar', ['-xOf', file, blob]).toString()).toBe(sigstore.root);
  expectLine((await airgapOk(['inspect', file], home)).stdout, lock.trustedRoot);
  expect(await verifyOffline(file, ...key, ...acme)).toMatchObject({ code: 0 });
  expect(await verifyOffline(file, ...root, ...acme)).toMatchObject({ code: 0 });
  const regexps = [
    '--certificate-identity-regexp',
    '^https://github\\.com/acme/',
    '--certificate-oidc-issuer-regexp',
    '.',
  ];
  expect(await verifyOffline(file, ...key, ...regexps)).toMatchObject({ code: 0 });
  for (const flags of [wrongIdentity, wrongIssuer]) {
    const { code, stderr } = await verifyOffline(file, ...key, ...flags);
    expect(code).toBe(3);
    expectFacts(stderr, `${app}:1`, IDENTITY);
  }
});

test('the root in a bundle counts only with the signature of the bundle, because an attacker has a sigstore too', async () => {
  const evil = await startSigstore();
  const evilRoot = inHome('evil_root.json', evil.root);
  await pushSigned('quay.io/acme/evil', '1', {}, evil);
  const file = join(home, 'evil.tar');
  const image = ['--image', 'quay.io/acme/evil:1'];
  await airgapOk(['bundle', ...from, ...image, ...acme, '--trusted-root', evilRoot, '--out', file], home);
  const carried = await verifyOffline(file, ...acme);
  expect(carried.code).toBe(2);
  expectFacts(carried.stderr, '--key', '--trusted-root');
  expect(await verifyOffline(file, ...acme, '--key', join(home, 'key.pub'))).toMatchObject({ code: 3 });
  expect(await verifyOffline(file, ...acme, ...root)).toMatchObject({ code: 3 });
  // It is what it says for whom trusts that root.
  expect(await verifyOffline(file, ...acme, '--trusted-root', evilRoot)).toMatchObject({ code: 0 });
});

test('a configuration file names the signers of several publishers; what no rule covers is an error', async () => {
  const rules = (...more: readonly string[]): string => `apiVersion: airgap/v1
kind: Config
images: [${app}:1, ${other}:1, ${bare}:1]
signatures:
  trustedRoot: trusted_root.json
  rules:
    - images: ${app}
      identityRegexp: ^https://github\\.com/acme/
      issuer: ${ISSUER}
    - images: quay.io/other/*
      identity: ${MAIL.identity}
      issuer: ${MAIL.issuer}
${more.map((line) => `    - ${line}\n`).join('')}`;
  const file = join(home, 'several.tar');
  const bundle = (config: string) => [
    'bundle',
    ...from,
    '--config',
    config,
    '--out',
    file,
    '--sign',
    join(home, 'key.pem'),
  ];
  const incomplete = inHome('incomplete.yaml', rules());
  const refused = await airgap(bundle(incomplete), home);
  expect(refused.code).toBe(3);
  expectLine(refused.stderr, `${bare}:1`);
  const complete = inHome('complete.yaml', rules('{images: bare, unsigned: nobody signs it}'));
  const bundled = await airgapOk(bundle(complete), home);
  expectLine(bundled.stderr, `${bare}:1`, 'nobody signs it');
  const key = ['--key', join(home, 'key.pub')];
  expect(await verifyOffline(file, ...key, '--config', complete)).toMatchObject({ code: 0 });
  expect(await verifyOffline(file, '--config', complete)).toMatchObject({ code: 0 });
  expect(await verifyOffline(file, ...key, '--config', incomplete)).toMatchObject({ code: 3 });
  // The flags are for every image.
  const { code, stderr } = await verifyOffline(file, ...key, '--config', complete, ...acme);
  expect(code).toBe(3);
  for (const image of [other, bare]) expectFacts(stderr, `${image}:1`);
  expect(linesWith(stderr, `${app}:1`, 'signature')).toEqual([]);
});

test('a mirror is refused unless the named identity has signed', async () => {
  const target = await startRegistry();
  try {
    const mirror = [
      'mirror',
      ...from,
      '--plain-http',
      target.host,
      '--to',
      `${target.host}/m`,
      '--image',
      `${app}:1`,
      ...root,
    ];
    const wrong = ['--certificate-identity', MAIL.identity, '--certificate-oidc-issuer', ISSUER];
    expect(await airgap([...mirror, ...wrong], home)).toMatchObject({ code: 3 });
    expect((await fetch(`${target.url}/v2/_catalog`).then((answer) => answer.text())).trim()).toBe(
      '{"repositories":[]}',
    );
    await airgapOk([...mirror, ...acme], home);
  } finally {
    await target.stop();
  }
});

test('policies for the cluster require the signatures that the bundle has, and say what they cannot', async () => {
  const file = join(home, 'policies.tar');
  const config = inHome(
    'policies.yaml',
    `apiVersion: airgap/v1
kind: Config
images: [${app}:1, ${other}:1, ${bare}:1]
signatures:
  trustedRoot: trusted_root.json
  rules:
    - {images: ${app}, identity: "${IDENTITY}", issuer: "${ISSUER}"}
    - {images: ${other}, identity: ${MAIL.identity}, issuer: "${MAIL.issuer}"}
    - {images: bare, unsigned: nobody signs it}
`,
  );
  await airgapOk(['bundle', ...from, '--config', config, '--out', file, '--sign', join(home, 'key.pem')], home);
  const values = ['values', '--bundle', file, '--to', 'registry.internal/m', '--config', config];
  const signed = ['--require-signature', join(home, 'key.pub')];
  const controller = await airgap([...values, ...signed, '--format', 'policy-controller'], home);
  expect(controller.code).toBe(3);
  expectLine(controller.stderr, `${other}:1`);
  expectLine(controller.stderr, bare, 'nobody signs it');
  const documents = parseAllDocuments(controller.stdout).map((document) => document.toJS());
  expect(documents.map(({ kind }) => kind)).toEqual(['TrustRoot', 'ClusterImagePolicy', 'ClusterImagePolicy']);
  const globs = documents.slice(1).map(({ spec }) => spec.images.map(({ glob }: { glob: string }) => glob));
  expect(globs).toEqual([
    [`registry.internal/m/${app}:*`, `registry.internal/m/${app}@*`],
    [expect.stringMatching(`^registry.internal/m/${bare}@sha256:`)],
  ]);
  const out = join(home, 'kyverno.yaml');
  const kyverno = await airgap([...values, '--format', 'kyverno', '--out', out], home);
  expect(kyverno.code).toBe(3);
  expectLine(kyverno.stderr, `${other}:1`);
  const policy = parse(readFileSync(out, 'utf8'));
  expect(policy.spec.rules).toMatchObject([
    { verifyImages: [{ imageReferences: [`registry.internal/m/${app}:*`, `registry.internal/m/${app}@*`] }] },
  ]);
  // Another identity: the image is left out, because the policy would keep it from running.
  const wrong = [...values.slice(0, 5), ...root, '--certificate-identity', 'x', '--certificate-oidc-issuer', ISSUER];
  const refused = await airgap([...wrong, '--format', 'kyverno', '--out', out], home);
  expect(refused.code).toBe(3);
  for (const image of [app, other, bare]) expectFacts(refused.stderr, `${image}:1`);
  expect(parse(readFileSync(out, 'utf8'))).toBeNull();
});

test('wrong use is refused with one sentence and a hint', async () => {
  const file = join(home, 'wrong.tar');
  const bundle = ['bundle', ...from, '--image', `${app}:1`, '--out', file];
  const noRoot = inHome('no_root.json', '{"mediaType":"application/vnd.dev.sigstore.trustedroot.v0.1+json"}');
  const config = inHome(
    'wrong.yaml',
    'apiVersion: airgap/v1\nkind: Config\nsignatures: {rules: [{images: "*", identity: x}, {images: "*", issuerRegexp: "("}]}\n',
  );
  const cases: readonly [readonly string[], number, string][] = [
    [[...bundle, ...acme], 2, '--trusted-root'],
    [[...bundle, ...root, '--certificate-identity', IDENTITY], 2, '--certificate-oidc-issuer'],
    [[...bundle, ...root, '--certificate-oidc-issuer', ISSUER], 2, '--certificate-identity'],
    [[...bundle, ...root, ...acme, '--certificate-identity-regexp', 'x'], 2, '--certificate-identity-regexp'],
    [[...bundle, ...root, '--certificate-identity-regexp', '(', '--certificate-oidc-issuer', ISSUER], 2, '"("'],
    [[...bundle, ...root, ...acme, '--no-referrers'], 2, '--no-referrers'],
    [[...bundle, ...acme, '--trusted-root', noRoot], 2, 'no_root.json'],
    [[...bundle, ...acme, '--trusted-root', join(home, 'absent.json')], 1, 'absent.json'],
    [[...bundle, ...acme, '--trusted-root', home], 1, home],
    [[...bundle, '--config', config], 2, 'signatures.rules'],
    [['verify', join(home, 'x.tar'), ...root], 2, '--certificate-identity'],
    [['verify', '--receipt', join(home, 'x.json'), ...acme], 2, '--receipt'],
    [['mirror', ...from, '--image', `${app}:1`, '--to', registry.host, ...root], 2, '--certificate-identity'],
    [['values', '--to', 'r.example', '--format', 'kyverno', ...root, ...acme], 2, '--bundle'],
    [['values', 'x', '--bundle', 'x.tar', '--to', 'r.example', '--format', 'kyverno', ...root, ...acme], 2, '--bundle'],
    [['values', '--bundle', 'x.tar', '--to', 'r.example', '--format', 'kyverno'], 2, '--verify-signatures'],
    [['values', 'x', '--to', 'r.example', ...root, ...acme], 2, '--format kyverno'],
  ];
  for (const [args, expected, fact] of cases) {
    const { code, stderr } = await airgap(args, home);
    expect(code, `${args.join(' ')}\n${stderr}`).toBe(expected);
    expectFacts(stderr, fact);
    expect(existsSync(file)).toBe(false);
  }
});
