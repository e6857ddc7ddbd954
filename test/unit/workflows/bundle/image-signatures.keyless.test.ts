import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { type Descriptor, MediaType } from '../../../../src/oci/descriptor.ts';
import { SIMPLE_SIGNING } from '../../../../src/oci/referrer-signature.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../../../src/sigstore/trusted-root.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { ReferrerRequests } from '../../../../src/transfer/referrers/requests.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { requireSignatures } from '../../../../src/workflows/bundle/image-signatures.ts';
import type { SignatureRule } from '../../../../src/workflows/bundle/signature-policy.ts';
import { IMAGE_CONFIG, MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { tagOf } from '../../../support/referrers.ts';
import {
  type CosignSignature,
  IDENTITY,
  ISSUER,
  type Sigstore,
  simpleSigning,
  startSigstore,
} from '../../../support/sigstore.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const MAIL = { identity: 'release@example.org', issuer: 'https://accounts.google.com' };
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let sigstore: Sigstore;
let trustedRoot: TrustedRoot;
beforeAll(async () => {
  sigstore = await startSigstore();
  trustedRoot = parseTrustedRoot(Buffer.from(sigstore.root), 'root.json');
});

const by = ({ identity, issuer }: typeof MAIL, images = '*'): SignatureRule => ({
  images,
  keys: [],
  identities: [{ identity: { exact: identity }, issuer: { exact: issuer } }],
});
const byAcme = (images = '*'): SignatureRule => by({ identity: IDENTITY, issuer: ISSUER }, images);

/** Lists signatures under cosign's tag. */
function addSignatures(registry: MemoryRegistry, repository: string, image: Descriptor, signatures: CosignSignature[]) {
  const layers = signatures.map(({ payload, annotations }) => ({
    ...registry.addBlob(repository, SIMPLE_SIGNING, payload),
    annotations,
  }));
  const config = registry.addBlob(repository, IMAGE_CONFIG, Buffer.from('{}'));
  const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers };
  registry.addManifest(repository, manifest, MediaType.ociManifest, tagOf(image.digest, 'sig'));
}

/** Adds a sigstore bundle as a referrer. */
function addBundle(registry: MemoryRegistry, repository: string, subject: Descriptor, bundle: object) {
  registry.listsReferrers = true;
  const layers = [registry.addBlob(repository, BUNDLE, Buffer.from(JSON.stringify(bundle)))];
  const config = registry.addBlob(repository, MediaType.empty, Buffer.from('{}'));
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: BUNDLE,
    config,
    layers,
    subject,
  };
  registry.addManifest(repository, manifest, MediaType.ociManifest);
}

function signedByKey(digest: string, privateKey: KeyObject): CosignSignature {
  const payload = Buffer.from(JSON.stringify(simpleSigning(digest)));
  const signature = sign('sha256', payload, privateKey).toString('base64');
  return { payload, annotations: { 'dev.cosignproject.cosign/signature': signature } };
}

async function check(registry: MemoryRegistry, names: string[], rules: SignatureRule[], emit = (_: AirgapEvent) => {}) {
  const requests = new ReferrerRequests();
  const steps = { concurrency: 4, emit };
  const walker = new Walker(registry, { ...steps, platforms: [] });
  await walker.add(references(...names));
  const collector = new ReferrerCollector(registry, walker, steps, requests);
  await collector.collect(walker.graph().roots);
  const policy = { rules, trustedRoot };
  const [graph, leftOut] = [walker.graph(), collector.leftOut()];
  await requireSignatures({ ...steps, graph, isSourceProven: async () => true, leftOut, source: registry, policy });
}

const missing = (name: string, reason = '') =>
  expect.objectContaining({ code: 'signature', message: expect.stringMatching(new RegExp(`^${name}: .*${reason}`)) });

describe('a keyless signature', () => {
  it('is taken from a tag or a referrer, if its signer is the required one', async () => {
    const registry = new MemoryRegistry();
    const tagged = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    addSignatures(registry, 'quay.io/a', tagged, [await sigstore.sign(tagged.digest)]);
    const referred = registry.addImage('quay.io/b', '1', [noise('b', 50)]);
    addBundle(registry, 'quay.io/b', referred, await sigstore.bundle(referred.digest));
    const both = ['quay.io/a:1', 'quay.io/b:1'];
    await check(registry, both, [byAcme()]);
    const wrong: Record<string, SignatureRule> = {
      identity: by({ identity: MAIL.identity, issuer: ISSUER }),
      issuer: by({ identity: IDENTITY, issuer: MAIL.issuer }),
    };
    for (const [name, rule] of Object.entries(wrong)) {
      await expect(check(registry, both, [rule]), name).rejects.toMatchObject({
        code: 'several',
        exitCode: 3,
        causes: [missing('quay.io/a:1', `signed by "${IDENTITY}", issuer "${ISSUER}"`), missing('quay.io/b:1')],
      });
    }
  });

  it('is enough if it is one of several, or if a key has signed instead', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const { digest } = image;
    const late = await sigstore.sign(digest, { loggedAfter: 11 });
    const byMail = await sigstore.sign(digest, MAIL);
    addSignatures(registry, 'quay.io/a', image, [late, byMail, await sigstore.sign(digest)]);
    await check(registry, ['quay.io/a:1'], [byAcme()]);
    await check(registry, ['quay.io/a:1'], [by(MAIL)]);
    addSignatures(registry, 'quay.io/a', image, [late, signedByKey(digest, key.privateKey)]);
    await expect(check(registry, ['quay.io/a:1'], [byAcme()])).rejects.toEqual(missing('quay.io/a:1', 'expired'));
    await check(registry, ['quay.io/a:1'], [{ ...byAcme(), keys: [key.publicKey] }]);
  });

  it('is not taken from another image', async () => {
    const registry = new MemoryRegistry();
    const [one, two] = ['1', '2'].map((tag) => registry.addImage('quay.io/a', tag, [noise(tag, 50)])) as [
      Descriptor,
      Descriptor,
    ];
    addSignatures(registry, 'quay.io/a', one, [await sigstore.sign(two.digest)]);
    addBundle(registry, 'quay.io/a', two, await sigstore.bundle(one.digest));
    await expect(check(registry, ['quay.io/a:1', 'quay.io/a:2'], [byAcme()])).rejects.toMatchObject({
      causes: [missing('quay.io/a:1', 'not a signature of this digest'), missing('quay.io/a:2', 'not a signature')],
    });
  });
});

describe('rules', () => {
  it('require another signer for each publisher: the first that matches decides', async () => {
    const registry = new MemoryRegistry();
    const add = async (repository: string, signer?: typeof MAIL) => {
      const image = registry.addImage(repository, '1', [noise(repository, 50)]);
      if (signer) addSignatures(registry, repository, image, [await sigstore.sign(image.digest, signer)]);
    };
    await add('quay.io/acme/app', { identity: IDENTITY, issuer: ISSUER });
    await add('registry.k8s.io/pause', MAIL);
    await add('docker.io/library/busybox');
    await add('ghcr.io/other/app', MAIL);
    const names = ['quay.io/acme/app:1', 'registry.k8s.io/pause:1', 'docker.io/library/busybox:1'];
    const rules: SignatureRule[] = [
      byAcme('quay.io/acme/*'),
      by(MAIL, 'registry.k8s.io/*'),
      { images: 'busybox', keys: [], identities: [], unsigned: 'Docker signs nothing' },
    ];
    const notes: string[] = [];
    await check(registry, names, rules, (event) => event.type === 'note' && notes.push(event.message));
    expect(notes).toEqual([expect.stringMatching(/^1 image .*busybox:1 \(Docker signs nothing\)/)]);
    await expect(check(registry, [...names, 'ghcr.io/other/app:1'], rules)).rejects.toEqual(
      missing('ghcr.io/other/app:1', 'no rule'),
    );
    await check(registry, [...names, 'ghcr.io/other/app:1'], [...rules, by(MAIL)]);
    // A later rule does not help.
    const strict = [byAcme('registry.k8s.io/*'), ...rules];
    await expect(check(registry, names, strict)).rejects.toEqual(missing('registry.k8s.io/pause:1'));
  });

  it('name every image that fails, each with its reason', async () => {
    const registry = new MemoryRegistry();
    const names = ['a', 'b', 'c'].map((name) => {
      registry.addImage(`quay.io/${name}`, '1', [noise(name, 50)]);
      return `quay.io/${name}:1`;
    });
    await expect(check(registry, names, [byAcme('quay.io/a'), byAcme('quay.io/b')])).rejects.toMatchObject({
      causes: [
        missing('quay.io/a:1', 'no referrers'),
        missing('quay.io/b:1', 'no referrers'),
        missing('quay.io/c:1', 'no rule'),
      ],
    });
  });
});
