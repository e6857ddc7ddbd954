import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  fingerprintOf,
  isValidSignature,
  readPublicKey,
  readSigningKey,
  signBytes,
} from '../../../src/oci/signing-key.ts';

const text = Buffer.from('what is signed');
const spki = { type: 'spki', format: 'pem' } as const;
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const pairs = {
  Ed25519: generateKeyPairSync('ed25519', { publicKeyEncoding: spki, privateKeyEncoding: pkcs8 }),
  'ECDSA P-256': generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: spki, privateKeyEncoding: pkcs8 }),
};

function codeOf(work: () => unknown): { code: string; message: string; hint?: string } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error as { code: string; message: string; hint?: string };
  }
}

describe.each(Object.entries(pairs))('%s', (_, { privateKey, publicKey }) => {
  it('signs, and the public key verifies only that signature', () => {
    const key = readSigningKey(privateKey, 'k', undefined);
    const known = readPublicKey(publicKey, 'k.pub');
    const signature = signBytes(key, text);
    expect(isValidSignature(known, text, signature)).toBe(true);
    expect(isValidSignature(known, Buffer.from('what is not'), signature)).toBe(false);
    for (const other of ['', 'AAAA', 'no base64 !', signature.slice(4)]) {
      expect(isValidSignature(known, text, other)).toBe(false);
    }
    expect(fingerprintOf(known)).toBe(fingerprintOf(key.publicKey));
  });

  it('is decrypted only with its passphrase', () => {
    const { privateKey: plain } = readSigningKey(privateKey, 'k', undefined);
    const pem = plain.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'open' }) as string;
    expect(readSigningKey(pem, 'k', 'open').privateKey.equals(plain)).toBe(true);
    expect(codeOf(() => readSigningKey(pem, 'k', undefined))).toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('AIRGAP_KEY_PASSPHRASE'),
    });
    const wrong = codeOf(() => readSigningKey(pem, 'k', 'sesame'));
    expect(wrong?.code).toBe('usage');
    expect(wrong?.message).not.toContain('sesame');
  });
});

describe('an unsupported key', () => {
  it('is refused with a hint', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: spki, privateKeyEncoding: pkcs8 });
    const other = generateKeyPairSync('ec', {
      namedCurve: 'P-384',
      publicKeyEncoding: spki,
      privateKeyEncoding: pkcs8,
    });
    const { privateKey, publicKey } = pairs.Ed25519;
    const cosign = '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJr\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----';
    for (const [work, fact] of [
      [() => readSigningKey(rsa.privateKey, 'k', undefined), 'rsa'],
      [() => readPublicKey(rsa.publicKey, 'k'), 'rsa'],
      [() => readSigningKey(other.privateKey, 'k', undefined), 'secp384r1'],
      [() => readSigningKey(publicKey, 'k', undefined), 'private key'],
      [() => readSigningKey('', 'k', undefined), 'private key'],
      [() => readSigningKey(cosign, 'k', 'x'), 'cosign'],
      [() => readPublicKey(privateKey, 'k'), 'private key'],
      // The second one would not be required.
      [() => readPublicKey(publicKey + pairs['ECDSA P-256'].publicKey, 'k'), '2 keys'],
      [() => readPublicKey('-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----', 'k'), 'certificate'],
      [() => readPublicKey('-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----', 'k'), 'public key'],
    ] as const) {
      expect(codeOf(work)).toMatchObject({ code: 'usage', message: expect.stringMatching(/^k /) });
      expect(codeOf(work)?.message).toContain(fact);
      expect(codeOf(work)?.hint).toBeTruthy();
    }
  });
});
