import type { KeyObject } from 'node:crypto';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { Content } from '../../oci/graph.ts';
import { readLinks } from '../../oci/manifest.ts';
import { SIGNATURE_ANNOTATION, SIMPLE_SIGNING, signatureBlobs } from '../../oci/referrer-signature.ts';
import { fingerprintOf, isSignatureOf, type SigningKey, signBytes } from '../../oci/signing-key.ts';
import { artifactContent, emptyBlob, inline } from '../inline.ts';
import { LOCK_REPOSITORY } from '../names.ts';
import type { Bundle } from '../read.ts';

/** A signature as cosign stores it (specs/SIGNATURE_SPEC.md): the bytes that are signed, and the signature in base64. */
export interface Signature {
  readonly payload: Uint8Array;
  readonly base64: string;
}

/** What a payload says. Only as good as the signature over it. */
export interface Claim {
  /** Of the manifest that is signed. */
  readonly digest: Digest;
  /** Of the key, as whoever signed named it; undefined in what another tool signed. */
  readonly fingerprint: Digest | undefined;
}

const TYPE = 'cosign container image signature';
/** A payload has some 300 bytes. */
const PAYLOAD_LIMIT = 64 * 1024;
/** One is usual, and one is enough. */
const SIGNATURES = 16;

/** Signs a lock, by the digest of its manifest. */
export function signLock(lock: Digest, key: SigningKey): Signature {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': LOCK_REPOSITORY },
        image: { 'docker-manifest-digest': lock },
        type: TYPE,
      },
      optional: { keyFingerprint: fingerprintOf(key.publicKey) },
    }),
  );
  return { payload, base64: signBytes(key, payload) };
}

/** Whether it is the key's over this lock: such a one need not be made again. */
export function isOver(signature: Signature, lock: Digest, publicKey: KeyObject): boolean {
  return isSignatureOf(publicKey, signature.payload, signature.base64) && claimOf(signature)?.digest === lock;
}

/** The signature as an artifact, as cosign pushes it. */
export function signatureArtifact({ payload, base64 }: Signature): {
  readonly descriptor: Descriptor;
  readonly content: Content;
} {
  const blob = inline(SIMPLE_SIGNING, payload);
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: emptyBlob.descriptor,
    layers: [{ ...blob.descriptor, annotations: { [SIGNATURE_ANNOTATION]: base64 } }],
  };
  return artifactContent(manifest, [emptyBlob, blob]);
}

/** The signatures that a bundle carries, unchecked. @throws AirgapError `bundle-invalid`, `digest-mismatch` */
export async function readSignatures(bundle: Bundle): Promise<Signature[]> {
  const { signature } = bundle;
  if (signature === undefined) return [];
  const { bytes } = await bundle.manifest({ registry: '', path: '' }, signature.digest);
  const blobs = signatureBlobs(readLinks(MediaType.ociManifest, bytes));
  const found: Signature[] = [];
  for (const { blob, signature: base64 } of blobs.slice(0, SIGNATURES)) {
    const size = bundle.entries.get(blob.digest)?.size ?? 0;
    if (base64 !== undefined && size <= PAYLOAD_LIMIT) found.push({ payload: await bundle.read(blob), base64 });
  }
  return found;
}

/** What is signed, as the payload says; undefined when it is none of cosign's. */
export function claimOf({ payload }: Signature): Claim | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return undefined;
  }
  const { critical, optional } = Object(json) as { critical?: unknown; optional?: unknown };
  const { image, type } = Object(critical) as { image?: unknown; type?: unknown };
  const digest: unknown = Object(image)['docker-manifest-digest'];
  const fingerprint: unknown = Object(optional).keyFingerprint;
  if (type !== TYPE || typeof digest !== 'string' || !isDigest(digest)) return undefined;
  return { digest, fingerprint: typeof fingerprint === 'string' && isDigest(fingerprint) ? fingerprint : undefined };
}
