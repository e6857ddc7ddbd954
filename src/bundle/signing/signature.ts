import type { KeyObject } from 'node:crypto';
import { refuseForeignFile } from '../../base/own-file.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { Content } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { SIGNATURE_ANNOTATION, SIMPLE_SIGNING, signatureBlobs } from '../../oci/referrer-signature.ts';
import { fingerprintOf, isValidSignature, type SigningKey, signBytes } from '../../oci/signing-key.ts';
import { findFileParts } from '../files/split-open.ts';
import { artifactContent, emptyBlob, inlineBlob } from '../format/inline.ts';
import { inventoryArtifact } from '../format/metadata.ts';
import { INVENTORY_REPOSITORY } from '../format/names.ts';
import { type Bundle, openBundle } from '../reading/bundle.ts';

/** A cosign signature (specs/SIGNATURE_SPEC.md): the signed payload, and the signature in base64. */
export interface Signature {
  readonly payload: Uint8Array;
  readonly base64: string;
}

/** Content of a payload. Untrusted until its signature is verified. */
export interface SignedClaim {
  /** Digest of the signed manifest. */
  readonly digest: Digest;
  /** Fingerprint of the key according to the signer; undefined if another tool signed. */
  readonly fingerprint: Digest | undefined;
}

const PAYLOAD_TYPE = 'cosign container image signature';
/** Maximum size of a payload; usual ones have about 300 bytes. */
const PAYLOAD_LIMIT = 64 * 1024;
/** Maximum number of signatures that are checked; usually there is one. */
const MAX_SIGNATURES = 16;

/** Signs the manifest digest of an inventory. */
export function signInventory(inventoryDigest: Digest, key: SigningKey): Signature {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': INVENTORY_REPOSITORY },
        image: { 'docker-manifest-digest': inventoryDigest },
        type: PAYLOAD_TYPE,
      },
      optional: { keyFingerprint: fingerprintOf(key.publicKey) },
    }),
  );
  return { payload, base64: signBytes(key, payload) };
}

/** Reports whether a signature over this inventory is valid for the key. */
function isSignatureOver(signature: Signature, inventoryDigest: Digest, publicKey: KeyObject): boolean {
  return (
    isValidSignature(publicKey, signature.payload, signature.base64) && claimOf(signature)?.digest === inventoryDigest
  );
}

/** Creates the artifact of a signature, as cosign pushes it. */
export function signatureArtifact({ payload, base64 }: Signature): {
  readonly descriptor: Descriptor;
  readonly content: Content;
} {
  const blob = inlineBlob(SIMPLE_SIGNING, payload);
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: emptyBlob.descriptor,
    layers: [{ ...blob.descriptor, annotations: { [SIGNATURE_ANNOTATION]: base64 } }],
  };
  return artifactContent(manifest, [emptyBlob, blob]);
}

/** Reads the signatures in a bundle without verifying them. @throws AirgapError `bundle-invalid`, `digest-mismatch` */
export async function readSignatures(bundle: Bundle): Promise<Signature[]> {
  const { signature } = bundle;
  if (signature === undefined) return [];
  const { bytes } = await bundle.manifest({ registry: '', path: '' }, signature.digest);
  const blobs = signatureBlobs(parseManifest(MediaType.ociManifest, bytes));
  const found: Signature[] = [];
  for (const { blob, signature: base64 } of blobs.slice(0, MAX_SIGNATURES)) {
    const size = bundle.entries.get(blob.digest)?.size ?? 0;
    if (base64 !== undefined && size <= PAYLOAD_LIMIT) found.push({ payload: await bundle.read(blob), base64 });
  }
  return found;
}

/** Parses the payload; returns undefined if it is not in cosign's format. */
export function claimOf({ payload }: Signature): SignedClaim | undefined {
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
  if (type !== PAYLOAD_TYPE || typeof digest !== 'string' || !isDigest(digest)) return undefined;
  return { digest, fingerprint: typeof fingerprint === 'string' && isDigest(fingerprint) ? fingerprint : undefined };
}

/**
 * Signs an inventory for the bundle at `path`, or reuses a signature by this key over this inventory from the existing
 * or the partial bundle there. ECDSA signatures differ each time; reusing them keeps the file identical.
 */
export async function reuseOrSignInventory(
  inventory: Inventory,
  key: SigningKey,
  path: string,
  evidence?: readonly Uint8Array[],
): Promise<Signature> {
  const { digest } = inventoryArtifact(inventory, evidence).descriptor;
  return (await existingSignature(path, digest, key.publicKey)) ?? signInventory(digest, key);
}

async function existingSignature(
  path: string,
  inventoryDigest: Digest,
  publicKey: KeyObject,
): Promise<Signature | undefined> {
  for (const open of [() => openBundle(path), () => openPartialBundle(path)]) {
    const bundle = await open().catch(() => undefined);
    if (bundle === undefined) continue;
    try {
      const found = (await readSignatures(bundle)).find((signature) =>
        isSignatureOver(signature, inventoryDigest, publicKey),
      );
      if (found !== undefined) return found;
    } catch {
      // A damaged signature is replaced.
    } finally {
      await bundle.close();
    }
  }
  return undefined;
}

/**
 * Opens the partial file of an interrupted run, which already contains all headers and all content from memory.
 * @throws AirgapError `file` if the file does not belong to this user
 */
async function openPartialBundle(path: string): Promise<Bundle | undefined> {
  const partial = `${path}.partial`;
  const fileParts = await findFileParts(partial);
  for (const name of fileParts?.paths ?? []) await refuseForeignFile(name);
  return fileParts && openBundle(partial, { fileParts, parts: undefined });
}
