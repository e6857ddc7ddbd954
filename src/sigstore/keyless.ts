import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';
import { AirgapError, messageOf } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import { claimsImage, type SignatureBlob, signsImage } from '../oci/referrer-signature.ts';
import type { KeylessSigner } from './identity.ts';
import { bundleOfAnnotations } from './signature-bundle.ts';
import type { TrustedRoot } from './trusted-root.ts';

/**
 * Verifies a keyless signature of an image without a network, as `cosign verify` does with a trusted root: the certificate
 * is by an authority of the root and in a log of certificates, it was valid when the signature was made according to a
 * transparency log or a timestamp authority, the transparency log has the signature, and the signature covers the digest.
 * @param content content of the blob
 * @param imageDigest digest of the manifest or index that must be signed
 * @returns who signed, for the caller to compare
 * @throws AirgapError `signature` with the reason
 */
export function verifyKeyless(
  { signature, blob }: SignatureBlob,
  content: Uint8Array,
  imageDigest: Digest,
  { material }: TrustedRoot,
): KeylessSigner {
  try {
    const isBundle = signature === undefined;
    const bundle = isBundle
      ? bundleFromJSON(JSON.parse(Buffer.from(content).toString('utf8')))
      : bundleOfAnnotations(content, signature, blob.annotations ?? {});
    if (isBundle && bundle.content.$case !== 'dsseEnvelope')
      throw new Error('it does not contain an in-toto statement');
    // One entry of a transparency log, one of a log of certificates, and one time are the defaults.
    const { identity } = new Verifier(material).verify(toSignedEntity(bundle, Buffer.from(content)));
    const isOfImage =
      bundle.content.$case === 'dsseEnvelope'
        ? signsImage(bundle.content.dsseEnvelope, imageDigest)
        : claimsImage(content, imageDigest);
    if (!isOfImage) throw new Error('it is not a signature of this digest');
    const isLogged = bundle.verificationMaterial.tlogEntries.some((entry) => entry.inclusionPromise !== undefined);
    return {
      identity: identity?.subjectAlternativeName ?? '',
      issuer: identity?.extensions?.issuer ?? '',
      time: isLogged ? 'log' : 'authority',
    };
  } catch (cause) {
    throw new AirgapError('signature', reasonOf(cause), { cause });
  }
}

/** Returns the reason of the innermost cause: the library wraps what is wrong with a certificate. */
function reasonOf(error: unknown): string {
  const { cause } = Object(error) as { cause?: unknown };
  return cause instanceof Error ? `${messageOf(error)}: ${messageOf(cause)}` : messageOf(error);
}
