import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import { type Digest, digestOf } from './digest.ts';

/** A key pair's private half, ready to sign. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const MAKE = 'make one with openssl genpkey -algorithm ED25519, or -algorithm EC -pkeyopt ec_paramgen_curve:P-256';

/**
 * Reads a private key: PEM, PKCS#8 (or SEC 1 for ECDSA), encrypted or not, Ed25519 or ECDSA on P-256.
 * @param name of the file, for messages
 * @throws AirgapError `usage` for anything else, and for a passphrase that is missing or wrong
 */
export function readSigningKey(pem: string, name: string, passphrase: string | undefined): SigningKey {
  // Its own encryption (scrypt and NaCl's secretbox) is not among those that PEM files have.
  if (/-----BEGIN ENCRYPTED (?:COSIGN|SIGSTORE) PRIVATE KEY-----/.test(pem)) {
    throw new AirgapError('usage', `${name} is a private key in cosign's own format, which is not read here`, {
      hint: `${MAKE}; cosign import-key-pair takes it too, unless it is encrypted`,
    });
  }
  const encrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(pem);
  if (encrypted && !passphrase) {
    throw new AirgapError('usage', `${name} is encrypted, and there is no passphrase`, {
      hint: 'put it into the environment as AIRGAP_KEY_PASSPHRASE',
    });
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(encrypted ? { key: pem, passphrase } : pem);
  } catch (cause) {
    const what = encrypted
      ? 'cannot be opened with the passphrase in AIRGAP_KEY_PASSPHRASE'
      : 'is no private key in PEM';
    throw new AirgapError('usage', `${name} ${what}`, { hint: encrypted ? undefined : MAKE, cause });
  }
  return { privateKey: known(privateKey, name), publicKey: createPublicKey(privateKey) };
}

/**
 * Reads a public key: PEM, SPKI, Ed25519 or ECDSA on P-256.
 * @param others further types of keys that are taken, in the names of Node
 * @throws AirgapError `usage` for anything else, a private key included: it has no place where bundles are checked
 */
export function readPublicKey(pem: string, name: string, others: readonly string[] = []): KeyObject {
  if (pem.includes('PRIVATE KEY-----')) {
    throw new AirgapError('usage', `${name} is a private key, and its public half is what is needed here`, {
      hint: 'openssl pkey -in KEY -pubout writes it',
    });
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new AirgapError('usage', `${name} is no public key in PEM`, {
      hint: 'openssl pkey -in KEY -pubout writes one',
      cause,
    });
  }
  return others.includes(key.asymmetricKeyType ?? '') ? key : known(key, name);
}

/** Names a public key: SHA-256 of its SPKI in DER, as `openssl pkey -pubin -outform DER | sha256sum` has it. */
export function fingerprintOf(publicKey: KeyObject): Digest {
  return digestOf(publicKey.export({ type: 'spki', format: 'der' }));
}

/** A signature over the bytes: Ed25519 (RFC 8032), or ECDSA with SHA-256 in DER, each in base64 as cosign has it. */
export function signBytes({ privateKey }: SigningKey, bytes: Uint8Array): string {
  return sign(hashFor(privateKey), bytes, privateKey).toString('base64');
}

/** Whether the signature, in base64, is the key's over these bytes. */
export function isSignatureOf(publicKey: KeyObject, bytes: Uint8Array, signature: string): boolean {
  return verify(hashFor(publicKey), bytes, publicKey, Buffer.from(signature, 'base64'));
}

/** Ed25519 hashes by itself. */
function hashFor(key: KeyObject): 'sha256' | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

function known(key: KeyObject, name: string): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1')) return key;
  throw new AirgapError(
    'usage',
    `${name} is a key for ${details?.namedCurve ?? type}, and Ed25519 or ECDSA P-256 is used here`,
    {
      hint: MAKE,
    },
  );
}
