import type { KeyObject } from 'node:crypto';
import type { Descriptor } from './descriptor.ts';
import { type Digest, encodedOf } from './digest.ts';
import type { Links } from './manifest.ts';
import { isSignatureOf } from './signing-key.ts';

/** A blob of cosign's simple signing: what is signed, with the signature in an annotation of its layer. */
export const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** The annotation with the signature, in base64. */
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';
/** `critical.type` of every payload (github.com/containers/image, docs/containers-signature.5.md; cosign has its own word). */
const SIGNATURE_TYPES: ReadonlySet<unknown> = new Set([
  'cosign container image signature',
  'atomic container signature',
]);
/** Sigstore's bundle, of any version: cosign 3 writes it. */
const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v[\d.]+)?\+json(?:;|$)/;
/** What cosign says of an image when it signs it so; other predicates are attestations, and say other things. */
const SIGNED = 'https://sigstore.dev/cosign/sign/v1';
const IN_TOTO = 'application/vnd.in-toto+json';

/** One signature, as far as it can be read off a manifest: the blob in which it is, or which it signs. */
export interface SignatureBlob {
  readonly blob: Descriptor;
  /** In base64; of a sigstore bundle the blob itself has it. */
  readonly signature?: string;
}

/** Signatures that a manifest holds, whatever ties it to its image; none for what is no signature. */
export function signatureBlobs({ blobs, config }: Pick<Links, 'blobs' | 'config'>): readonly SignatureBlob[] {
  return blobs
    .filter((blob) => blob !== config)
    .flatMap((blob): SignatureBlob[] => {
      if (BUNDLE.test(blob.mediaType)) return [{ blob }];
      const signature: unknown = blob.annotations?.[SIGNATURE_ANNOTATION];
      return blob.mediaType === SIMPLE_SIGNING && typeof signature === 'string' ? [{ blob, signature }] : [];
    });
}

/**
 * Whether the blob is a signature of the image by one of the keys. Certificates and transparency logs are not looked at:
 * a key that is held says all that can be said offline.
 * @param image digest of the manifest or index that has to be signed
 */
export function isSigned(
  { signature }: Pick<SignatureBlob, 'signature'>,
  bytes: Uint8Array,
  image: Digest,
  keys: readonly KeyObject[],
): boolean {
  return signature === undefined ? isBundle(bytes, image, keys) : isSimple(signature, bytes, image, keys);
}

/** Cosign's SIGNATURE_SPEC.md: the payload is signed as it is, and names the digest. */
function isSimple(signature: string, payload: Uint8Array, image: Digest, keys: readonly KeyObject[]): boolean {
  if (!keys.some((key) => holds(key, payload, signature))) return false;
  const { critical } = parse(payload) as {
    critical?: { type?: unknown; image?: { 'docker-manifest-digest'?: unknown } };
  };
  return SIGNATURE_TYPES.has(critical?.type) && critical?.image?.['docker-manifest-digest'] === image;
}

/** A DSSE envelope (github.com/secure-systems-lab/dsse, protocol.md) around an in-toto statement that has the digest. */
function isBundle(bytes: Uint8Array, image: Digest, keys: readonly KeyObject[]): boolean {
  const { dsseEnvelope } = parse(bytes) as {
    dsseEnvelope?: { payload?: unknown; payloadType?: unknown; signatures?: unknown };
  };
  const { payload, payloadType, signatures } = dsseEnvelope ?? {};
  if (typeof payload !== 'string' || payloadType !== IN_TOTO || !Array.isArray(signatures)) return false;
  const body = Buffer.from(payload, 'base64');
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${body.length} `), body]);
  const isOurs = (signatures as readonly { sig?: unknown }[]).some(
    (one) => typeof one?.sig === 'string' && keys.some((key) => holds(key, signed, one.sig as string)),
  );
  if (!isOurs) return false;
  const { predicateType, subject } = parse(body) as { predicateType?: unknown; subject?: unknown };
  if (predicateType !== SIGNED || !Array.isArray(subject)) return false;
  return (subject as readonly { digest?: { sha256?: unknown } }[]).some(
    (one) => image.startsWith('sha256:') && one?.digest?.sha256 === encodedOf(image),
  );
}

/** What cannot even be a signature of such a key is none. */
function holds(key: KeyObject, bytes: Uint8Array, signature: string): boolean {
  try {
    return isSignatureOf(key, bytes, signature);
  } catch {
    return false;
  }
}

/** What is no JSON object says nothing. */
function parse(bytes: Uint8Array): object {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof json === 'object' && json !== null ? json : {};
  } catch {
    return {};
  }
}
