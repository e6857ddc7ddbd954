import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { isImageSignature, SIMPLE_SIGNING, signatureBlobs } from '../../../src/oci/referrer-signature.ts';

const image = digestOf(Buffer.from('image'));
const other = digestOf(Buffer.from('other'));
const pairs = {
  ecdsa: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed25519: generateKeyPairSync('ed25519'),
};
const signature = (key: KeyObject, bytes: Uint8Array): string =>
  sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key).toString('base64');

function payload(digest: string, type = 'cosign container image signature'): Buffer {
  const critical = { identity: { 'docker-reference': 'x' }, image: { 'docker-manifest-digest': digest }, type };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

function bundle(key: KeyObject, statement: object, payloadType = 'application/vnd.in-toto+json'): Buffer {
  const body = Buffer.from(JSON.stringify(statement));
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body]);
  const signatures = [{ sig: signature(key, signed) }];
  return Buffer.from(JSON.stringify({ dsseEnvelope: { payload: body.toString('base64'), payloadType, signatures } }));
}

const statement = {
  subject: [{ digest: { sha256: image.slice(7) } }],
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
};

describe.each(Object.entries(pairs))('a signature by %s', (_, { privateKey, publicKey }) => {
  const wrong = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;

  it('is accepted for the image in its payload and one of the keys', () => {
    const bytes = payload(image);
    const by = { signature: signature(privateKey, bytes) };
    expect(isImageSignature(by, bytes, image, [publicKey])).toBe(true);
    expect(isImageSignature(by, bytes, image, [wrong, publicKey])).toBe(true);
    expect(isImageSignature(by, bytes, image, [wrong])).toBe(false);
    expect(isImageSignature(by, bytes, image, [])).toBe(false);
    expect(isImageSignature(by, bytes, other, [publicKey])).toBe(false);
    expect(isImageSignature(by, Buffer.concat([bytes, Buffer.from(' ')]), image, [publicKey])).toBe(false);
    expect(isImageSignature({ signature: 'not base64!' }, bytes, image, [publicKey])).toBe(false);
  });

  it('in a sigstore bundle is accepted if the predicate is that of a signature', () => {
    expect(isImageSignature({}, bundle(privateKey, statement), image, [publicKey])).toBe(true);
    expect(isImageSignature({}, bundle(privateKey, statement), other, [publicKey])).toBe(false);
    expect(isImageSignature({}, bundle(privateKey, statement), image, [wrong])).toBe(false);
    const attested = { ...statement, predicateType: 'https://slsa.dev/provenance/v1' };
    expect(isImageSignature({}, bundle(privateKey, attested), image, [publicKey])).toBe(false);
    expect(isImageSignature({}, bundle(privateKey, statement, 'text/plain'), image, [publicKey])).toBe(false);
  });
});

it('rejects other payloads, even signed by the key', () => {
  const { privateKey, publicKey } = pairs.ecdsa;
  for (const bytes of [payload(image, 'something else'), Buffer.from('null'), Buffer.from('{'), Buffer.from('{}')]) {
    expect(isImageSignature({ signature: signature(privateKey, bytes) }, bytes, image, [publicKey])).toBe(false);
    expect(isImageSignature({}, bytes, image, [publicKey])).toBe(false);
  }
});

it('finds signatures in layers of both kinds, not in the config', () => {
  const blob = (mediaType: string, annotations?: object) =>
    ({ mediaType, digest: image, size: 1, ...(annotations && { annotations }) }) as never;
  const annotated = { 'dev.cosignproject.cosign/signature': 'c2ln' };
  const config = blob('application/vnd.dev.sigstore.bundle.v0.3+json');
  const blobs = [
    config,
    blob(SIMPLE_SIGNING, annotated),
    blob(SIMPLE_SIGNING),
    blob('text/plain', annotated),
    blob('application/vnd.dev.sigstore.bundle.v0.3+json'),
  ];
  const found = signatureBlobs({ blobs, config });
  expect(found.map((one) => one.signature)).toEqual(['c2ln', undefined]);
  expect(found.map((one) => one.blob)).toEqual([blobs[1], blobs[4]]);
});
