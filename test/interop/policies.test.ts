import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { buildArtifact, cosignSignature, listUnderTag, tagFor } from '../support/artifacts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { missingPrograms } from '../support/daemon.ts';
import { linesWith } from '../support/facts.ts';
import { type BuiltImage, buildImage, pushBuilt } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import {
  bundleManifest,
  IDENTITY,
  ISSUER,
  type Sigstore,
  signatureManifest,
  signStatement,
  startSigstore,
} from '../support/sigstore.ts';

/**
 * Kyverno and policy-controller judge images at the target by the policies that are written for them. Both take long to compile, so
 * they are run where they are on the PATH: `kyverno` (github.com/kyverno/kyverno, cmd/cli/kubectl-kyverno) and `policy-tester`
 * (github.com/sigstore/policy-controller, cmd/tester).
 */

const home = scratchFolder();
const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const MAIL = { identity: 'release@other.example', issuer: 'https://accounts.google.com' };

/** Milliseconds for some thirty runs, of which each takes a second on an idle machine. */
const LIMIT = 300_000;

let source: TestRegistry;
let target: TestRegistry;
let sigstore: Sigstore;
let foreignSigstore: Sigstore;

/** Who signs: whom the policy names, another key or identity, or the same identity by a sigstore that nobody trusts. */
type Signer = 'named' | 'other' | 'foreign';

/** Ways to sign an image and to store the signature. */
const forms: Readonly<
  Record<string, (image: BuiltImage, signer: Signer, subject?: BuiltImage) => Promise<BuiltImage>>
> = {
  'key-tag': async ({ digest }, signer) => cosignSignature(keyOf(signer), 'x', digest),
  'key-referrer': async ({ digest }, signer, subject) =>
    asReferrer(cosignSignature(keyOf(signer), 'x', digest), subject),
  'key-bundle': async ({ digest }, signer, subject) => bundleManifest(keyBundle(keyOf(signer), digest), at(subject)),
  'identity-tag': async ({ digest }, signer) => signatureManifest(await stateOf(signer).sign(digest, as(signer))),
  'identity-referrer': async ({ digest }, signer, subject) =>
    asReferrer(signatureManifest(await stateOf(signer).sign(digest, as(signer))), subject),
  'identity-bundle': async ({ digest }, signer, subject) =>
    bundleManifest(await stateOf(signer).bundle(digest, as(signer)), at(subject)),
};

const keyOf = (signer: Signer): KeyObject => (signer === 'named' ? ours : theirs).privateKey;
const stateOf = (signer: Signer): Sigstore => (signer === 'foreign' ? foreignSigstore : sigstore);
const as = (signer: Signer) => (signer === 'other' ? MAIL : {});

function at(image: BuiltImage | undefined) {
  if (image === undefined) throw new Error('no subject');
  return { mediaType: image.mediaType, digest: image.digest, size: image.manifests.at(-1)?.bytes.length ?? 0 };
}

/** Makes a signature that cosign would find by its tag one that it finds by its subject. */
function asReferrer({ manifests, blobs }: BuiltImage, subject: BuiltImage | undefined): BuiltImage {
  const { layers, config } = JSON.parse(manifests[0]?.bytes.toString() ?? '');
  const bytesOf = (digest: string): Buffer => blobs.get(digest) as Buffer;
  return buildArtifact({
    config: { mediaType: 'application/vnd.dev.cosign.artifact.sig.v1+json', bytes: bytesOf(config.digest) },
    layers: layers.map(
      ({ mediaType, digest, annotations }: { mediaType: string; digest: string; annotations: object }) => ({
        mediaType,
        annotations,
        bytes: bytesOf(digest),
      }),
    ),
    subject: at(subject),
  });
}

/** A sigstore bundle as `cosign sign --key` of cosign 3 writes it without a log. */
function keyBundle(key: KeyObject, digest: string, predicateType?: string): object {
  const payloadType = 'application/vnd.in-toto+json';
  const payload = Buffer.from(JSON.stringify(signStatement(digest, predicateType)));
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    payload,
  ]);
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'key' }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType,
      signatures: [{ sig: sign('sha256', signed, key).toString('base64') }],
    },
  };
}

async function attach(host: string, repository: string, image: BuiltImage, artifact: BuiltImage): Promise<void> {
  if ('subject' in JSON.parse(artifact.manifests[0]?.bytes.toString() ?? '')) {
    await pushBuilt(host, repository, undefined, artifact);
    await listUnderTag(host, repository, image.digest, artifact);
  } else await pushBuilt(host, repository, tagFor(image.digest, 'sig'), artifact);
}

/** Pushes images to the target that the policy must refuse: one that nobody signed, and some with what is no signature of them. */
async function pushBad(form: string): Promise<readonly string[]> {
  const signed = forms[form];
  const repository = `m/quay.io/acme/${form}`;
  const push = async (tag: string): Promise<BuiltImage> => {
    const image = buildImage({ name: `${form} ${tag}` });
    await pushBuilt(target.host, repository, tag, image);
    return image;
  };
  await push('unsigned');
  const signers: Signer[] = form.startsWith('key') ? ['other'] : ['other', 'foreign'];
  for (const signer of signers) {
    const image = await push(signer);
    await attach(target.host, repository, image, (await signed?.(image, signer, image)) as BuiltImage);
  }
  // The signature of the good image, at another one.
  const image = await push('borrowed');
  const good = buildImage({ name: form });
  await attach(target.host, repository, image, (await signed?.(good, 'named', image)) as BuiltImage);
  if (form !== 'key-bundle') return ['unsigned', ...signers, 'borrowed'];
  const attested = await push('attested');
  const provenance = keyBundle(ours.privateKey, attested.digest, 'https://slsa.dev/provenance/v1');
  await attach(target.host, repository, attested, bundleManifest(provenance, at(attested)));
  return ['unsigned', ...signers, 'borrowed', 'attested'];
}

let bundle: string;

/** In a repository with a signed image, one that needs no signature. */
const MIXED = 'quay.io/acme/mixed';

beforeAll(async () => {
  if (missingPrograms('kyverno') !== undefined && missingPrograms('policy-tester') !== undefined) return;
  [source, target, sigstore, foreignSigstore] = await Promise.all([
    startRegistry(),
    startRegistry(),
    startSigstore(),
    startSigstore(),
  ]);
  const write = (name: string, text: string): string => {
    writeFileSync(join(home, name), text);
    return join(home, name);
  };
  write('root.json', sigstore.root);
  write('key.pub', ours.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  for (const [form, signed] of Object.entries(forms)) {
    const image = buildImage({ name: form });
    const repository = `quay.io/acme/${form}`;
    await pushBuilt(source.host, repository, '1', image);
    await attach(source.host, repository, image, await signed(image, 'named', image));
  }
  const signed = buildImage({ name: 'mixed' });
  await pushBuilt(source.host, MIXED, '1', signed);
  await attach(source.host, MIXED, signed, cosignSignature(ours.privateKey, 'x', signed.digest));
  await pushBuilt(source.host, MIXED, 'bare', buildImage({ name: 'bare' }));
  const images = [...Object.keys(forms).map((form) => `quay.io/acme/${form}:1`), `${MIXED}:1`, `${MIXED}:bare`];
  const config = write(
    'airgap.yaml',
    `apiVersion: airgap/v1
kind: Config
images: [${images.join(', ')}]
signatures:
  trustedRoot: root.json
  rules:
    - {images: '${MIXED}:bare', unsigned: nobody signs it}
    - {images: quay.io/acme/identity-*, identity: '${IDENTITY}', issuer: '${ISSUER}'}
    - {images: '*', key: key.pub}
`,
  );
  bundle = join(home, 'signed.tar');
  const from = ['--mirror', `*=${source.host}`, '--plain-http', source.host];
  await airgapOk(['bundle', ...from, '--config', config, '--out', bundle], home);
  await airgapOk(['push', bundle, '--to', `${target.host}/m`, '--plain-http', target.host], home);
}, LIMIT);

afterAll(() => Promise.all([source?.stop(), target?.stop()]));

/** Writes the policies of a format. @returns the file, and the forms that are left out of it */
async function policies(format: string): Promise<{ readonly file: string; readonly left: readonly string[] }> {
  const file = join(home, `${format}.yaml`);
  const to = ['--to', `${target.host}/m`, '--plain-http', target.host, '--format', format, '--out', file];
  const { stderr } = await airgap(['values', '--bundle', bundle, '--config', join(home, 'airgap.yaml'), ...to], home);
  const left = Object.keys(forms).filter((form) => linesWith(stderr, 'left out', `quay.io/acme/${form}:1`).length > 0);
  return { file, left };
}

/** Asks about the signed image of each form and about bad ones. @returns what is accepted: `FORM:TAG` */
async function accepted(names: readonly string[], judge: (image: string) => Promise<boolean>): Promise<string[]> {
  const result: string[] = [];
  for (const form of names) {
    for (const tag of ['1', ...(await pushBad(form))]) {
      if (await judge(`${target.host}/m/quay.io/acme/${form}:${tag}`)) result.push(`${form}:${tag}`);
    }
  }
  return result;
}

/** Runs a program that knows no settings of this machine. @returns whether it ends with 0; it ends with 1 for a refusal */
async function run(program: string, args: readonly string[]): Promise<boolean> {
  const env = { PATH: process.env.PATH ?? '', HOME: home };
  const { exitCode, all } = await execa(program, args, { env, extendEnv: false, reject: false, all: true });
  if (exitCode === 0 || exitCode === 1) return exitCode === 0;
  throw new Error(`${program} ended with ${exitCode}: ${all}`);
}

test(
  'policy-controller accepts what the policies name, and nothing else',
  async (context) => {
    const missing = missingPrograms('policy-tester');
    if (missing !== undefined) return context.skip(missing);
    const { file, left } = await policies('policy-controller');
    expect(left).toEqual(['key-referrer', 'key-bundle', 'identity-referrer', 'identity-bundle']);
    const [root, policy] = [join(home, 'trust-root.yaml'), join(home, 'policy.yaml')];
    const documents = parseAllDocuments(readFileSync(file, 'utf8'));
    const [trustRoot, ...others] = documents.map((document) => String(document));
    writeFileSync(root, trustRoot ?? '');
    writeFileSync(policy, others.join('---\n'));
    const judge = (image: string): Promise<boolean> =>
      run('policy-tester', ['--policy', policy, '--trustroot', root, '--image', image]);
    expect(await accepted(Object.keys(forms), judge)).toEqual(['key-tag:1', 'identity-tag:1']);
    // The controller asks about digests.
    const digestOf = (name: string): string => `${target.host}/m/${MIXED}@${buildImage({ name }).digest}`;
    expect([await judge(digestOf('mixed')), await judge(digestOf('bare'))]).toEqual([true, true]);
    expect(await judge(`${target.host}/m/${MIXED}:bare`)).toBe(false);
  },
  LIMIT,
);

test(
  'Kyverno accepts what the policy names, and nothing else',
  async (context) => {
    const missing = missingPrograms('kyverno');
    if (missing !== undefined) return context.skip(missing);
    const { file, left } = await policies('kyverno');
    expect(left).toEqual(['identity-bundle']);
    const pod = join(home, 'pod.yaml');
    const judge = (image: string): Promise<boolean> => {
      const spec = { containers: [{ name: 'c', image }] };
      writeFileSync(pod, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec }));
      return run('kyverno', ['apply', file, '--resource', pod, '--registry']);
    };
    // What no policy is about may run.
    const names = Object.keys(forms).filter((form) => !left.includes(form));
    expect(await accepted(names, judge)).toEqual(names.map((form) => `${form}:1`));
    const mixed = `${target.host}/m/${MIXED}`;
    expect([await judge(`${mixed}:1`), await judge(`${mixed}:bare`)]).toEqual([true, true]);
  },
  LIMIT,
);
