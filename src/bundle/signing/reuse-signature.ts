import type { KeyObject } from 'node:crypto';
import { refuseForeignFile } from '../../base/own-file.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import type { Digest } from '../../oci/digest.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import { inventoryArtifact } from '../metadata.ts';
import { type Bundle, openBundle } from '../read.ts';
import { findFileParts } from '../writing/output.ts';
import { isSignatureOver, readSignatures, type Signature, signInventory } from './signature.ts';

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
