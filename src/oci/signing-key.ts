import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import { type Digest, digestOf } from './digest.ts';

/** A key pair for signing. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const GENERATE_HINT =
  'generate one with openssl genpkey -algorithm ED25519, or -algorithm EC -pkeyopt ec_paramgen_curve:P-256';

/**
 * Parses a private key in PEM: PKCS#8 (or SEC 1 for ECDSA), optionally encrypted, Ed25519 or ECDSA P-256.
 * @param name file name for messages
 * @throws AirgapError `usage` for anything else, and for a missing or wrong passphrase
 */
export function readSigningKey(pem: string, name: string, passphrase: string | undefined): SigningKey {
  // cosign's own encryption (scrypt and NaCl secretbox) is not supported by OpenSSL.
  if (/-----BEGIN ENCRYPTED (?:COSIGN|SIGSTORE) PRIVATE KEY-----/.test(pem)) {
    throw new AirgapError('usage', `${name} is a private key in cosign's own format, which is not supported`, {
      hint: `${GENERATE_HINT}; cosign import-key-pair also accepts it, unless it is encrypted`,
    });
  }
  if (/-----BEGIN PUBLIC KEY-----/.test(pem)) {
    throw new AirgapError('usage', `${name} is a public key; a private key is needed`, {
      hint: 'give the private key that it was extracted from',
    });
  }
  const encrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(pem);
  if (encrypted && !passphrase) {
    throw new AirgapError('usage', `${name} is encrypted, but no passphrase is set`, {
      hint: 'set the environment variable AIRGAP_KEY_PASSPHRASE',
    });
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(encrypted ? { key: pem, passphrase } : pem);
  } catch (cause) {
    const problem = encrypted
      ? 'cannot be decrypted with the passphrase in AIRGAP_KEY_PASSPHRASE'
      : 'is not a private key in PEM format';
    throw new AirgapError('usage', `${name} ${problem}`, { hint: encrypted ? undefined : GENERATE_HINT, cause });
  }
  return { privateKey: requireSupportedKey(privateKey, name), publicKey: createPublicKey(privateKey) };
}

/**
 * Parses a public key: PEM, SPKI, Ed25519 or ECDSA P-256.
 * @param extraKeyTypes additional key types to accept, by their Node names
 * @throws AirgapError `usage` for anything else, including several keys, certificates, and private keys, which must not be on
 *   hosts that only verify
 */
export function readPublicKey(pem: string, name: string, extraKeyTypes: readonly string[] = []): KeyObject {
  if (pem.includes('PRIVATE KEY-----')) {
    throw new AirgapError('usage', `${name} is a private key; a public key is needed`, {
      hint: 'extract it with openssl pkey -in KEY -pubout',
    });
  }
  const blocks = pem.match(/-----BEGIN [A-Z0-9 ]{1,40}-----/g) ?? [];
  // OpenSSL reads the first one only: the others would seem to be required, and not be.
  if (blocks.length > 1) {
    throw new AirgapError('usage', `${name} has ${blocks.length} keys; a file may have one`, {
      hint: 'write each key to a file of its own, and give the flag once for each',
    });
  }
  // It is valid for a time and a purpose, which nothing here checks.
  if (blocks[0]?.includes('CERTIFICATE')) {
    throw new AirgapError('usage', `${name} is a certificate; a public key is needed`, {
      hint: 'extract it with openssl x509 -in CERTIFICATE -pubkey -noout',
    });
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new AirgapError('usage', `${name} is not a public key in PEM format`, {
      hint: 'extract one with openssl pkey -in KEY -pubout',
      cause,
    });
  }
  return extraKeyTypes.includes(key.asymmetricKeyType ?? '') ? key : requireSupportedKey(key, name);
}

/** Returns the SHA-256 of a public key's SPKI in DER, as `openssl pkey -pubin -outform DER | sha256sum` prints it. */
export function fingerprintOf(publicKey: KeyObject): Digest {
  return digestOf(publicKey.export({ type: 'spki', format: 'der' }));
}

/** Signs bytes with Ed25519 (RFC 8032) or ECDSA with SHA-256 in DER. Returns base64, as in cosign signatures. */
export function signBytes({ privateKey }: SigningKey, bytes: Uint8Array): string {
  return sign(hashAlgorithmFor(privateKey), bytes, privateKey).toString('base64');
}

/** Reports whether a signature in base64 over the bytes is valid for the key. */
export function isValidSignature(publicKey: KeyObject, bytes: Uint8Array, signature: string): boolean {
  return verify(hashAlgorithmFor(publicKey), bytes, publicKey, Buffer.from(signature, 'base64'));
}

/** Returns the hash for `sign` and `verify`: null for Ed25519, which includes its own. */
function hashAlgorithmFor(key: KeyObject): 'sha256' | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

function requireSupportedKey(key: KeyObject, name: string): KeyObject {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (
    asymmetricKeyType === 'ed25519' ||
    (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1')
  )
    return key;
  throw new AirgapError(
    'usage',
    `${name} is a key for ${asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType}; only Ed25519 and ECDSA P-256 are supported`,
    {
      hint: GENERATE_HINT,
    },
  );
}
