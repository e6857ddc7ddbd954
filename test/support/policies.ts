import type { Digest } from '../../src/oci/digest.ts';
import { parseReference } from '../../src/oci/reference.ts';
import type { PolicyImage, PolicySigners } from '../../src/overrides/formats/index.ts';
import type { IdentityRule } from '../../src/sigstore/identity.ts';
import { type TrustedKeys, trustedKeys } from '../../src/sigstore/trusted-keys.ts';
import { parseTrustedRoot } from '../../src/sigstore/trusted-root.ts';
import { digestOf } from './digest.ts';
import { startSigstore } from './sigstore.ts';

/** Images with verified signatures, for the formats of policies. */

export const WORKFLOW: IdentityRule = {
  identity: { pattern: '^https://github\\.com/acme/' },
  issuer: { exact: 'https://token.actions.githubusercontent.com' },
};
export const MAIL: IdentityRule = {
  identity: { exact: 'release@acme.example' },
  issuer: { exact: 'https://accounts.google.com' },
};

export const PUBLIC_KEY = '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n';

export function signers(...identities: readonly IdentityRule[]): PolicySigners {
  return { keys: [], identities };
}

/** @param signature what differs from a keyless one under cosign's tag; undefined for none */
export function signedImage(
  name: string,
  by: PolicySigners,
  signature: Partial<NonNullable<PolicyImage['signature']>> | null = {},
): PolicyImage {
  const digest = digestOf(Buffer.from(name)) as Digest;
  const time = by.keys.length > 0 ? undefined : ('log' as const);
  return {
    reference: parseReference(name),
    digest,
    signers: by,
    signature: signature === null ? undefined : { digest, form: 'tag', time, ...signature },
  };
}

export async function privateKeys(): Promise<TrustedKeys> {
  return trustedKeys(parseTrustedRoot(Buffer.from((await startSigstore()).root), 'root.json'));
}
