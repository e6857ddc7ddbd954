import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  fingerprintOf,
  isSignatureOf,
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
  it('signs, and the public half knows its signature from another', () => {
    const key = readSigningKey(privateKey, 'k', undefined);
    const known = readPublicKey(publicKey, 'k.pub');
    const signature = signBytes(key, text);
    expect(isSignatureOf(known, text, signature)).toBe(true);
    expect(isSignatureOf(known, Buffer.from('what is not'), signature)).toBe(false);
    for (const other of ['', 'AAAA', 'no base64 !', signature.slice(4)]) {
      expect(isSignatureOf(known, text, other)).toBe(false);
    }
    expect(fingerprintOf(known)).toBe(fingerprintOf(key.publicKey));
  });

  it('is read encrypted, with its passphrase only', () => {
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

describe('what is no key for this', () => {
  it('is refused with a sentence that says what to do', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: spki, privateKeyEncoding: pkcs8 });
    const other = generateKeyPairSync('ec', {
      namedCurve: 'P-384',
      publicKeyEncoding: spki,
      privateKeyEncoding: pkcs8,
    });
    const { privateKey, publicKey } = pairs.Ed25519;
    const cosign = '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJr\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----';
    for (const [work, message] of [
      [() => readSigningKey(rsa.privateKey, 'k', undefined), 'k is a key for rsa'],
      [() => readPublicKey(rsa.publicKey, 'k'), 'k is a key for rsa'],
      [() => readSigningKey(other.privateKey, 'k', undefined), 'k is a key for secp384r1'],
      [() => readSigningKey(publicKey, 'k', undefined), 'k is no private key'],
      [() => readSigningKey('', 'k', undefined), 'k is no private key'],
      [() => readSigningKey(cosign, 'k', 'x'), "k is a private key in cosign's own format"],
      [() => readPublicKey(privateKey, 'k'), 'k is a private key'],
      [() => readPublicKey('-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----', 'k'), 'k is no public key'],
    ] as const) {
      expect(codeOf(work)).toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
      expect(codeOf(work)?.hint).toBeTruthy();
    }
  });
});
