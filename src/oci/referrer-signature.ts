import type { KeyObject } from 'node:crypto';
import type { Descriptor } from './descriptor.ts';
import { type Digest, encodedOf } from './digest.ts';
import type { ParsedManifest } from './manifest.ts';
import { isValidSignature } from './signing-key.ts';

/** Media type of cosign's simple signing payload. The signature is in an annotation of the layer. */
export const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** Annotation with the signature in base64. */
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';
/**
 * Values of `critical.type` in payloads: cosign's, and that of github.com/containers/image (containers-signature.5.md).
 */
const SIGNATURE_TYPES: ReadonlySet<unknown> = new Set([
  'cosign container image signature',
  'atomic container signature',
]);
/** Media type of a sigstore bundle of any version, as cosign 3 writes it. */
const SIGSTORE_BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v[\d.]+)?\+json(?:;|$)/;
/** Predicate type of a cosign 3 signature. Bundles with other predicates are attestations. */
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';
const IN_TOTO_TYPE = 'application/vnd.in-toto+json';

/** A signature found in a manifest, with the blob that contains it or that it signs. */
export interface SignatureBlob {
  readonly blob: Descriptor;
  /** In base64; undefined for a sigstore bundle, whose blob contains the signature. */
  readonly signature?: string;
}

/** Returns the signatures in a manifest; empty if it contains none. */
export function signatureBlobs({ blobs, config }: Pick<ParsedManifest, 'blobs' | 'config'>): readonly SignatureBlob[] {
  return blobs
    .filter((blob) => blob !== config)
    .flatMap((blob): SignatureBlob[] => {
      if (SIGSTORE_BUNDLE.test(blob.mediaType)) return [{ blob }];
      const signature: unknown = blob.annotations?.[SIGNATURE_ANNOTATION];
      return blob.mediaType === SIMPLE_SIGNING && typeof signature === 'string' ? [{ blob, signature }] : [];
    });
}

/**
 * Reports whether the blob is a valid signature of the image by one of the keys. Certificates and transparency logs are
 * not checked: offline, only the key can be verified.
 * @param bytes content of the blob
 * @param imageDigest digest of the manifest or index that must be signed
 */
export function isImageSignature(
  { signature }: Pick<SignatureBlob, 'signature'>,
  bytes: Uint8Array,
  imageDigest: Digest,
  keys: readonly KeyObject[],
): boolean {
  return signature === undefined
    ? verifySigstoreBundle(bytes, imageDigest, keys)
    : verifySimpleSigning(signature, bytes, imageDigest, keys);
}

/** Verifies a simple signing payload (cosign, SIGNATURE_SPEC.md), which is signed as is and contains the digest. */
function verifySimpleSigning(
  signature: string,
  payload: Uint8Array,
  imageDigest: Digest,
  keys: readonly KeyObject[],
): boolean {
  return keys.some((key) => verifiesWith(key, payload, signature)) && claimsImage(payload, imageDigest);
}

/** Reports whether a simple signing payload, whose signature was verified, is about the digest. */
export function claimsImage(payload: Uint8Array, imageDigest: Digest): boolean {
  const { critical } = parseObject(payload) as {
    critical?: { type?: unknown; image?: { 'docker-manifest-digest'?: unknown } };
  };
  return SIGNATURE_TYPES.has(critical?.type) && critical?.image?.['docker-manifest-digest'] === imageDigest;
}

/**
 * Verifies a DSSE envelope (github.com/secure-systems-lab/dsse, protocol.md) with an in-toto statement on the digest.
 */
function verifySigstoreBundle(bytes: Uint8Array, imageDigest: Digest, keys: readonly KeyObject[]): boolean {
  const { dsseEnvelope } = parseObject(bytes) as {
    dsseEnvelope?: { payload?: unknown; payloadType?: unknown; signatures?: unknown };
  };
  const { payload, payloadType, signatures } = dsseEnvelope ?? {};
  if (typeof payload !== 'string' || payloadType !== IN_TOTO_TYPE || !Array.isArray(signatures)) return false;
  const body = Buffer.from(payload, 'base64');
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${IN_TOTO_TYPE.length} ${IN_TOTO_TYPE} ${body.length} `), body]);
  const hasTrustedSignature = (signatures as readonly { sig?: unknown }[]).some(
    (entry) => typeof entry?.sig === 'string' && keys.some((key) => verifiesWith(key, signed, entry.sig as string)),
  );
  return hasTrustedSignature && signsImage({ payload: body, payloadType }, imageDigest);
}

/** Content of a DSSE envelope. */
interface Envelope {
  readonly payload: Uint8Array;
  readonly payloadType: string;
}

/** Reports whether an envelope, whose signature was verified, has cosign's in-toto statement on the digest. */
export function signsImage({ payload, payloadType }: Envelope, imageDigest: Digest): boolean {
  const { predicateType, subject } = parseObject(payload) as { predicateType?: unknown; subject?: unknown };
  if (payloadType !== IN_TOTO_TYPE || predicateType !== SIGN_PREDICATE || !Array.isArray(subject)) return false;
  return (subject as readonly { digest?: { sha256?: unknown } }[]).some(
    (entry) => imageDigest.startsWith('sha256:') && entry?.digest?.sha256 === encodedOf(imageDigest),
  );
}

/** Verifies a signature; malformed signatures are invalid. */
function verifiesWith(key: KeyObject, bytes: Uint8Array, signature: string): boolean {
  try {
    return isValidSignature(key, bytes, signature);
  } catch {
    return false;
  }
}

/** Parses a JSON object; returns an empty one for anything else. */
function parseObject(bytes: Uint8Array): object {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof json === 'object' && json !== null ? json : {};
  } catch {
    return {};
  }
}
