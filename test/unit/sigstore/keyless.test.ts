import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import { SIMPLE_SIGNING, type SignatureBlob } from '../../../src/oci/referrer-signature.ts';
import { verifyKeyless } from '../../../src/sigstore/keyless.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../../src/sigstore/trusted-root.ts';
import { digestOf } from '../../support/digest.ts';
import {
  type BundleOptions,
  type CosignSignature,
  IDENTITY,
  ISSUER,
  type SigningOptions,
  type Sigstore,
  signStatement,
  simpleSigning,
  startSigstore,
} from '../../support/sigstore.ts';

const DIGEST = digestOf(Buffer.from('image')) as Digest;
const OTHER = digestOf(Buffer.from('other image')) as Digest;
const SIGNER = { identity: IDENTITY, issuer: ISSUER, time: 'log' };
const START = new Date();
const MINUTES = 60_000;

let sigstore: Sigstore;
let stranger: Sigstore;
let root: TrustedRoot;

beforeAll(async () => {
  [sigstore, stranger] = [await startSigstore(START), await startSigstore(START)];
  root = rootOf(sigstore.trustedRoot);
});

function minutesLater(minutes: number): string {
  return new Date(START.getTime() + minutes * MINUTES).toISOString();
}

function rootOf(json: object): TrustedRoot {
  return parseTrustedRoot(Buffer.from(JSON.stringify(json)), 'trusted_root.json');
}

const AS_BUNDLE: SignatureBlob = {
  blob: { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', digest: OTHER, size: 1 },
};

function verifyCosign({ payload, annotations }: CosignSignature, trusted = root, digest = DIGEST) {
  const signature = annotations['dev.cosignproject.cosign/signature'] ?? '';
  const blob = { mediaType: SIMPLE_SIGNING, digest: OTHER, size: payload.length, annotations };
  return verifyKeyless({ blob, signature }, payload, digest, trusted);
}

function verifyJson(bundle: object, trusted = root, digest = DIGEST) {
  return verifyKeyless(AS_BUNDLE, Buffer.from(JSON.stringify(bundle)), digest, trusted);
}

const refused = (reason: RegExp) =>
  expect.objectContaining({ code: 'signature', reason: expect.stringMatching(reason) });

/** Annotations of cosign 2 with one changed. */
function annotated(signature: CosignSignature, name: string, value: string | undefined): CosignSignature {
  const entries = Object.entries(signature.annotations).filter(([key]) => key !== `dev.sigstore.cosign/${name}`);
  const annotations = Object.fromEntries(entries);
  return {
    ...signature,
    annotations: value === undefined ? annotations : { ...annotations, [`dev.sigstore.cosign/${name}`]: value },
  };
}

interface RekorBundle {
  readonly SignedEntryTimestamp: string;
  readonly Payload: {
    readonly body: string;
    readonly integratedTime: number;
    readonly logIndex: number;
    readonly logID: string;
  };
}

const rekorBundleOf = ({ annotations }: CosignSignature): RekorBundle =>
  JSON.parse(annotations['dev.sigstore.cosign/bundle'] ?? '');

function withEntry(signature: CosignSignature, change: Partial<RekorBundle['Payload']>): CosignSignature {
  const entry = rekorBundleOf(signature);
  const changed = { ...entry, Payload: { ...entry.Payload, ...change } };
  return annotated(signature, 'bundle', JSON.stringify(changed));
}

afterEach(() => vi.useRealTimers());

describe('a signature of cosign 2', () => {
  it('is verified long after its certificate has expired, and tells who signed', async () => {
    const signature = await sigstore.sign(DIGEST);
    const stamped = await sigstore.sign(DIGEST, { timestamp: true });
    vi.setSystemTime('2046-01-01T00:00:00Z');
    expect(verifyCosign(signature)).toEqual(SIGNER);
    expect(verifyCosign(stamped)).toEqual(SIGNER);
    vi.useRealTimers();
    const mail = { identity: 'release@acme.example', issuer: 'https://accounts.google.com' };
    expect(verifyCosign(await sigstore.sign(DIGEST, mail))).toEqual({ ...mail, time: 'log' });
  });

  it.each<[string, SigningOptions, RegExp]>([
    ['was logged after its certificate had expired', { loggedAfter: 11 }, /not valid or expired/],
    ['was logged before its certificate was valid', { loggedAfter: -1 }, /not valid or expired/],
    ['has a certificate without SCT', { withoutSct: true }, /expected 1 SCTs/],
    ['is of another digest', { payload: simpleSigning(OTHER) }, /not a signature of this digest/],
    [
      'signs something else',
      { payload: { critical: { image: { 'docker-manifest-digest': DIGEST } } } },
      /not a signature/,
    ],
    ['has a late time stamp', { loggedAfter: 11, timestamp: true }, /not valid or expired/],
  ])('is refused if it %s', async (_, options, reason) => {
    const signature = await sigstore.sign(DIGEST, options);
    expect(() => verifyCosign(signature)).toThrow(refused(reason));
  });

  it('is refused with the root of another sigstore, or one that lacks a part of this one', async () => {
    const signature = await sigstore.sign(DIGEST, { timestamp: true });
    for (const part of ['tlogs', 'certificateAuthorities', 'ctlogs', 'timestampAuthorities'] as const) {
      const mixed = rootOf({ ...sigstore.trustedRoot, [part]: stranger.trustedRoot[part] });
      expect(() => verifyCosign(signature, mixed), part).toThrow(refused(/./));
    }
    expect(() => verifyCosign(signature, rootOf(stranger.trustedRoot))).toThrow(refused(/./));
    expect(verifyCosign(signature, root)).toEqual(SIGNER);
  });

  it('is refused if a log of the root was not in use yet, or no more', async () => {
    const signature = await sigstore.sign(DIGEST);
    const [log] = sigstore.trustedRoot.tlogs as [{ publicKey: object }];
    const during = (validFor: object) =>
      rootOf({ ...sigstore.trustedRoot, tlogs: [{ ...log, publicKey: { ...log.publicKey, validFor } }] });
    expect(() => verifyCosign(signature, during({ start: minutesLater(5) }))).toThrow(refused(/./));
    const ended = during({ start: minutesLater(-9), end: minutesLater(-5) });
    expect(() => verifyCosign(signature, ended)).toThrow(refused(/./));
  });

  it('is refused with a change in any field', async () => {
    const signature = await sigstore.sign(DIGEST);
    const again = await sigstore.sign(DIGEST);
    const { Payload: entry, SignedEntryTimestamp } = rekorBundleOf(signature);
    const evil = await stranger.sign(DIGEST);
    const otherBody = JSON.parse(Buffer.from(entry.body, 'base64').toString());
    otherBody.spec.data.hash.value = OTHER.slice(7);
    const changes: Record<string, CosignSignature> = {
      payload: { ...signature, payload: Buffer.from(JSON.stringify(simpleSigning(OTHER))) },
      'payload with a space': { ...signature, payload: Buffer.concat([signature.payload, Buffer.from(' ')]) },
      signature: {
        ...signature,
        annotations: {
          ...signature.annotations,
          'dev.cosignproject.cosign/signature': evil.annotations['dev.cosignproject.cosign/signature'] ?? '',
        },
      },
      'no signature': {
        ...signature,
        annotations: { ...signature.annotations, 'dev.cosignproject.cosign/signature': '' },
      },
      'certificate of another signature': annotated(
        signature,
        'certificate',
        again.annotations['dev.sigstore.cosign/certificate'],
      ),
      'certificate of another authority': annotated(
        signature,
        'certificate',
        evil.annotations['dev.sigstore.cosign/certificate'],
      ),
      'no certificate': annotated(signature, 'certificate', undefined),
      'entry of another signature': annotated(signature, 'bundle', again.annotations['dev.sigstore.cosign/bundle']),
      'entry of another log': annotated(signature, 'bundle', evil.annotations['dev.sigstore.cosign/bundle']),
      'no entry': annotated(signature, 'bundle', undefined),
      'no SET': annotated(signature, 'bundle', JSON.stringify({ Payload: entry })),
      'empty SET': annotated(signature, 'bundle', JSON.stringify({ Payload: entry, SignedEntryTimestamp: '' })),
      'SET of another entry': annotated(
        signature,
        'bundle',
        JSON.stringify({ Payload: rekorBundleOf(again).Payload, SignedEntryTimestamp }),
      ),
      'time of the entry': withEntry(signature, { integratedTime: entry.integratedTime + 60 }),
      'index of the entry': withEntry(signature, { logIndex: entry.logIndex + 1 }),
      'log of the entry': withEntry(signature, { logID: rekorBundleOf(evil).Payload.logID }),
      'body of the entry': withEntry(signature, { body: Buffer.from(JSON.stringify(otherBody)).toString('base64') }),
      'not JSON': annotated(signature, 'bundle', '{'),
    };
    for (const [name, changed] of Object.entries(changes)) {
      expect(() => verifyCosign(changed), name).toThrow(refused(/./));
    }
    expect(() => verifyCosign(signature, root, OTHER)).toThrow(refused(/not a signature of this digest/));
  });

  it('with a time stamp is refused if that is of another signature', async () => {
    const signature = await sigstore.sign(DIGEST, { timestamp: true });
    const again = await sigstore.sign(DIGEST, { timestamp: true });
    const changed = annotated(signature, 'rfc3161timestamp', again.annotations['dev.sigstore.cosign/rfc3161timestamp']);
    expect(() => verifyCosign(changed)).toThrow(refused(/time ?stamp/));
  });
});

interface BundleJson {
  readonly verificationMaterial: MaterialJson;
  readonly dsseEnvelope: { readonly signatures: object[] };
}

interface MaterialJson {
  readonly certificate: object;
  readonly tlogEntries: EntryJson[];
  readonly timestampVerificationData: object;
}

interface EntryJson {
  readonly integratedTime?: string;
  readonly inclusionPromise?: object;
  readonly inclusionProof: { readonly checkpoint: object };
  readonly canonicalizedBody: string;
}

/** Returns a copy to change. */
function jsonOf(bundle: object): BundleJson {
  return structuredClone(bundle) as BundleJson;
}

describe('a sigstore bundle of cosign 3', () => {
  it('is verified by its log entry, or by a time stamp', async () => {
    expect(verifyJson(await sigstore.bundle(DIGEST))).toEqual(SIGNER);
    expect(verifyJson(await sigstore.bundle(DIGEST, { timestamp: true }))).toEqual(SIGNER);
    expect(verifyJson(await sigstore.bundle(DIGEST, { rekor: 2 }))).toEqual({ ...SIGNER, time: 'authority' });
  });

  it.each<[string, BundleOptions, RegExp]>([
    ['was logged after its certificate had expired', { loggedAfter: 11 }, /not valid or expired/],
    ['was stamped after its certificate had expired', { loggedAfter: 11, rekor: 2 }, /not valid or expired/],
    ['has a certificate without SCT', { withoutSct: true }, /expected 1 SCTs/],
    ['is of another digest', { statement: signStatement(OTHER) }, /not a signature of this digest/],
    ['is an attestation', { statement: signStatement(DIGEST, 'https://slsa.dev/provenance/v1') }, /not a signature/],
    ['is not an in-toto statement', { payloadType: 'text/plain' }, /not a signature/],
  ])('is refused if it %s', async (_, options, reason) => {
    const bundle = await sigstore.bundle(DIGEST, options);
    expect(() => verifyJson(bundle)).toThrow(refused(reason));
  });

  it('is refused with a change in any field', async () => {
    for (const version of [1, 2] as const) {
      const options = { rekor: version, timestamp: true };
      const bundle = await sigstore.bundle(DIGEST, options);
      const again = jsonOf(await sigstore.bundle(DIGEST, options));
      const evil = jsonOf(await stranger.bundle(DIGEST, options));
      const entry = (copy: BundleJson) => copy.verificationMaterial.tlogEntries[0] as EntryJson;
      const material = (name: keyof MaterialJson, from: BundleJson) => (copy: BundleJson) =>
        Object.assign(copy.verificationMaterial, { [name]: from.verificationMaterial[name] });
      const ofEntry = (name: keyof EntryJson, value: unknown) => (copy: BundleJson) =>
        Object.assign(entry(copy), { [name]: value });
      const ofEnvelope = (change: object) => (copy: BundleJson) => Object.assign(copy.dsseEnvelope, change);
      const changes: Record<string, (copy: BundleJson) => unknown> = {
        payload: ofEnvelope({ payload: base64(signStatement(OTHER)) }),
        signature: ofEnvelope({ signatures: evil.dsseEnvelope.signatures }),
        'no signature': ofEnvelope({ signatures: [] }),
        'two signatures': (copy) => copy.dsseEnvelope.signatures.push(...evil.dsseEnvelope.signatures),
        'payload type': ofEnvelope({ payloadType: 'text/plain' }),
        'another certificate': material('certificate', again),
        'certificate of another authority': material('certificate', evil),
        'public key': (copy) =>
          Object.assign(copy, {
            verificationMaterial: { ...copy.verificationMaterial, certificate: undefined, publicKey: { hint: 'x' } },
          }),
        'no entry': (copy) => Object.assign(copy.verificationMaterial, { tlogEntries: [] }),
        'another entry': material('tlogEntries', again),
        'entry of another log': material('tlogEntries', evil),
        'entry twice': (copy) => copy.verificationMaterial.tlogEntries.push(entry(copy)),
        'no proof': ofEntry('inclusionProof', undefined),
        'index in the proof': (copy) => Object.assign(entry(copy).inclusionProof, { logIndex: '1' }),
        checkpoint: (copy) =>
          Object.assign(entry(copy).inclusionProof, { checkpoint: entry(again).inclusionProof.checkpoint }),
        'body of the entry': ofEntry('canonicalizedBody', entry(again).canonicalizedBody),
        'time stamp of another signature': material('timestampVerificationData', again),
        'time stamp of another authority': material('timestampVerificationData', evil),
        'media type': (copy) => Object.assign(copy, { mediaType: 'text/plain' }),
        'no content': (copy) => Object.assign(copy, { dsseEnvelope: undefined }),
        ...(version === 1
          ? {
              'time of the entry': ofEntry('integratedTime', String(Math.floor(START.getTime() / 1000))),
              promise: ofEntry('inclusionPromise', entry(again).inclusionPromise),
            }
          : { 'no time stamp': (copy) => Object.assign(copy.verificationMaterial, { timestampVerificationData: {} }) }),
      };
      for (const [name, change] of Object.entries(changes)) {
        const copy = jsonOf(bundle);
        change(copy);
        expect(() => verifyJson(copy), `${version}: ${name}`).toThrow(refused(/./));
      }
      expect(verifyJson(bundle)).toMatchObject({ identity: IDENTITY });
    }
  });

  it('is refused if its time is that of an entry without a promise, which nobody has signed', async () => {
    const bundle = jsonOf(await sigstore.bundle(DIGEST));
    Object.assign(bundle.verificationMaterial.tlogEntries[0] as EntryJson, { inclusionPromise: undefined });
    expect(() => verifyJson(bundle)).toThrow(refused(/expected 1 timestamps/));
  });

  it.each(['', '{', '[]', 'null', '{"mediaType":1}'])('is refused if it is %j', (text) => {
    expect(() => verifyKeyless(AS_BUNDLE, Buffer.from(text), DIGEST, root)).toThrow(refused(/./));
  });
});

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}
