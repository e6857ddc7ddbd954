import { createHash, randomBytes } from 'node:crypto';

/** `algorithm:encoded` (OCI image specification, descriptor.md), limited to the algorithms that can be verified. */
export type Digest = `sha256:${string}` | `sha512:${string}`;

export const DIGEST_PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: string): text is Digest {
  return DIGEST_PATTERN.test(text);
}

export function algorithmOf(digest: Digest): 'sha256' | 'sha512' {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function digestOf(bytes: Uint8Array, algorithm: 'sha256' | 'sha512' = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** Returns the digest of nothing that exists. */
export function randomDigest(): Digest {
  return digestOf(randomBytes(32));
}
