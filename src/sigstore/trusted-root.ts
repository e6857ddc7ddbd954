import { TrustedRoot as TrustedRootMessage } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { AirgapError, messageOf } from '../base/errors.ts';

/** Largest trusted root, in bytes; that of sigstore's public instance has 7 kB. */
export const TRUSTED_ROOT_LIMIT = 1024 * 1024;

/** Media types of trusted roots (sigstore_trustroot.proto). */
const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=0\.1|\.v0\.[12]\+json)$/;

/** Certificates and keys by which keyless signatures are verified. */
export interface TrustedRoot {
  /** The file, byte for byte. */
  readonly bytes: Uint8Array;
  readonly material: TrustMaterial;
}

/**
 * Parses sigstore's trusted_root.json. All its certificates and keys must be readable, and it must have what each check of
 * a signature needs: a certificate authority, a transparency log, and a log of certificates.
 * @param name of the file, for messages
 * @throws AirgapError `usage`
 */
export function parseTrustedRoot(bytes: Uint8Array, name: string): TrustedRoot {
  const refuse = (problem: string, cause?: unknown): AirgapError =>
    new AirgapError('usage', `${name} is not a trusted root of sigstore: ${problem}`, {
      hint: 'give a trusted_root.json, as cosign trusted-root create writes it',
      cause,
    });
  if (bytes.length > TRUSTED_ROOT_LIMIT) throw refuse(`it has more than ${TRUSTED_ROOT_LIMIT} bytes`);
  let material: TrustMaterial;
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const mediaType: unknown = Object(json).mediaType;
    if (typeof mediaType !== 'string' || !MEDIA_TYPE.test(mediaType)) throw new Error('its mediaType is another one');
    material = toTrustMaterial(TrustedRootMessage.fromJSON(json));
  } catch (cause) {
    throw refuse(messageOf(cause), cause);
  }
  const { certificateAuthorities, tlogs, ctlogs } = material;
  if (certificateAuthorities.every(({ certChain }) => certChain.length === 0)) {
    throw refuse('it has no certificate authority');
  }
  if (tlogs.length === 0) throw refuse('it has no transparency log (tlogs)');
  if (ctlogs.length === 0) throw refuse('it has no log of certificates (ctlogs)');
  return { bytes, material };
}
