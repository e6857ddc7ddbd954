import type { KeyObject } from 'node:crypto';
import { refuseForeign } from '../../base/own-file.ts';
import type { Lock } from '../../lock/lock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import { lockArtifact } from '../metadata.ts';
import { type Bundle, openBundle } from '../read.ts';
import { placesLike } from '../writing/output.ts';
import { isOver, readSignatures, type Signature, signLock } from './signature.ts';

/**
 * Signs an inventory for the bundle at `path`, or reuses a signature by this key over this inventory from the existing
 * or the partial bundle there. ECDSA signatures differ each time; reusing them keeps the file identical.
 */
export async function signatureOver(
  lock: Lock,
  key: SigningKey,
  path: string,
  evidence?: readonly Uint8Array[],
): Promise<Signature> {
  const { digest } = lockArtifact(lock, evidence).descriptor;
  return (await keptSignature(path, digest, key.publicKey)) ?? signLock(digest, key);
}

async function keptSignature(path: string, lock: Digest, publicKey: KeyObject): Promise<Signature | undefined> {
  for (const open of [() => openBundle(path), () => openGrowing(path)]) {
    const bundle = await open().catch(() => undefined);
    if (bundle === undefined) continue;
    try {
      const found = (await readSignatures(bundle)).find((signature) => isOver(signature, lock, publicKey));
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
async function openGrowing(path: string): Promise<Bundle | undefined> {
  const partial = `${path}.partial`;
  const places = await placesLike(partial);
  for (const name of places?.paths ?? []) await refuseForeign(name);
  return places && openBundle(partial, { places, parts: undefined });
}
