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
 * Signs a lock for the bundle that goes to the path. An ECDSA signature is another one each time, so the one of this key
 * over this lock that the bundle there has is taken, or the one that is growing there: the same content and key stay the
 * same file.
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
      // A damaged one is none, and is replaced.
    } finally {
      await bundle.close();
    }
  }
  return undefined;
}

/**
 * What an interrupted run left has its headers and all that is small from the start, and so reads like a bundle.
 * @throws AirgapError `file` for what no run of this user left
 */
async function openGrowing(path: string): Promise<Bundle | undefined> {
  const partial = `${path}.partial`;
  const places = await placesLike(partial);
  for (const name of places?.paths ?? []) await refuseForeign(name);
  return places && openBundle(partial, { places, parts: undefined });
}
