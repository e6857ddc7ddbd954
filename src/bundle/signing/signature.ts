import type { KeyObject } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { refuseForeignFile } from '../../base/own-file.ts';
import { compareText } from '../../base/text-order.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { type Digest, digestOf, isDigest } from '../../oci/digest.ts';
import type { Content } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { SIGNATURE_ANNOTATION, SIMPLE_SIGNING, signatureBlobs } from '../../oci/referrer-signature.ts';
import { fingerprintOf, isValidSignature, type SigningKey, signBytes } from '../../oci/signing-key.ts';
import { findFileParts } from '../files/split-open.ts';
import { artifactContent, emptyBlob, inlineBlob } from '../format/inline.ts';
import { inventoryArtifact } from '../format/metadata.ts';
import { INVENTORY_REPOSITORY } from '../format/names.ts';
import { type Bundle, openBundle } from '../reading/bundle.ts';
import { MAX_SIGNATURES, PAYLOAD_LIMIT, readDetachedSignatures, type Signature, signaturesPath } from './detached.ts';

/** Content of a payload. Untrusted until its signature is verified. */
export interface SignedClaim {
  /** Digest of the signed manifest. */
  readonly digest: Digest;
  /** Fingerprint of the key according to the signer; undefined if another tool signed. */
  readonly fingerprint: Digest | undefined;
}

const PAYLOAD_TYPE = 'cosign container image signature';

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
export function isSignatureOver(signature: Signature, inventoryDigest: Digest, publicKey: KeyObject): boolean {
  return (
    isValidSignature(publicKey, signature.payload, signature.base64) && claimOf(signature)?.digest === inventoryDigest
  );
}

/** Sorts signatures, so that the order in which people sign does not matter. */
export function sortSignatures(signatures: readonly Signature[]): readonly Signature[] {
  return signatures
    .map((signature) => ({ signature, digest: digestOf(signature.payload) }))
    .sort((a, b) => compareText(a.digest, b.digest) || compareText(a.signature.base64, b.signature.base64))
    .map(({ signature }) => signature);
}

/**
 * Creates the artifact of signatures, as cosign pushes it: one manifest, with a layer for each signature.
 * @returns the artifact, and its blobs that nothing else in a bundle refers to: payloads, then the manifest
 */
export function signatureArtifact(signatures: readonly Signature[]): {
  readonly descriptor: Descriptor;
  readonly content: Content;
  readonly own: readonly Digest[];
} {
  const layers = sortSignatures(signatures).map(({ payload, base64 }) => ({
    blob: inlineBlob(SIMPLE_SIGNING, payload),
    base64,
  }));
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: emptyBlob.descriptor,
    layers: layers.map(({ blob, base64 }) => ({
      ...blob.descriptor,
      annotations: { [SIGNATURE_ANNOTATION]: base64 },
    })),
  };
  const blobs = layers.map(({ blob }) => blob);
  const artifact = artifactContent(manifest, [emptyBlob, ...blobs]);
  return { ...artifact, own: [...new Set(blobs.map((blob) => blob.descriptor.digest)), artifact.descriptor.digest] };
}

/**
 * Reads the signatures in a bundle, and those beside it, without verifying them.
 * @throws AirgapError `bundle-invalid`, `digest-mismatch`, `file`
 */
export async function readSignatures(bundle: Bundle): Promise<Signature[]> {
  return [...(await includedSignatures(bundle)), ...(await readDetachedSignatures(bundle))];
}

/** Reads the signatures in a bundle without verifying them. @throws AirgapError `bundle-invalid`, `digest-mismatch` */
export async function includedSignatures(bundle: Bundle): Promise<Signature[]> {
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
 * Signs an inventory for the bundle at `path`. Signatures over this inventory in the existing or the partial bundle there
 * are kept: ECDSA signatures differ each time, and others may have signed it too.
 */
export async function reuseOrSignInventory(
  inventory: Inventory,
  key: SigningKey,
  path: string,
  evidence?: readonly Uint8Array[],
): Promise<readonly Signature[]> {
  const { digest } = inventoryArtifact(inventory, evidence).descriptor;
  const existing = await existingSignatures(path, digest);
  const isSigned = existing.some((signature) => isSignatureOver(signature, digest, key.publicKey));
  return isSigned ? existing : [...existing, signInventory(digest, key)];
}

async function existingSignatures(path: string, inventoryDigest: Digest): Promise<readonly Signature[]> {
  for (const open of [() => openBundle(path), () => openPartialBundle(path)]) {
    const bundle = await open().catch(() => undefined);
    if (bundle === undefined) continue;
    try {
      const found = (await includedSignatures(bundle)).filter(
        (signature) => claimOf(signature)?.digest === inventoryDigest,
      );
      if (found.length > 0) return found;
    } catch {
      // A damaged signature is replaced.
    } finally {
      await bundle.close();
    }
  }
  return [];
}

/** Deletes signatures beside a bundle that are not over its inventory: those of a bundle that had this name. */
export async function removeOtherSignatures(path: string, inventoryDigest: () => Digest | undefined): Promise<void> {
  const found = await readDetachedSignatures({ path, parts: [] }).catch(() => undefined);
  if (found?.length === 0) return;
  const digest = inventoryDigest();
  if (found === undefined || !found.some((signature) => claimOf(signature)?.digest === digest))
    await rm(signaturesPath(path), { force: true });
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
