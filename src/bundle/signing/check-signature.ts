import type { KeyObject } from 'node:crypto';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { fingerprintOf, isSignatureOf } from '../../oci/signing-key.ts';
import { type Bundle, openBundle } from '../read.ts';
import { checkAgreement } from '../reading/agreement.ts';
import { claimOf, readSignatures } from './signature.ts';

/**
 * Checks, offline, that the key signed the lock, and that the bundle holds what the lock names and nothing else: then the
 * signature is over everything, because the lock names it by digest, and every digest is checked where content is read.
 * @throws AirgapError `signature`
 */
export async function checkSignature(bundle: Bundle, publicKey: KeyObject): Promise<void> {
  const { path } = bundle;
  const lock = bundle.lock();
  const signatures = await readSignatures(bundle).catch((cause: unknown) => {
    throw new AirgapError('signature', `${path} has a signature that cannot be read: ${messageOf(cause)}`, { cause });
  });
  if (lock === undefined || signatures.length === 0) {
    throw new AirgapError('signature', `${path} is not signed`, { hint: 'helm airgap bundle --sign KEY signs' });
  }
  const own = signatures.filter(({ payload, base64 }) => isSignatureOf(publicKey, payload, base64));
  if (own.length === 0) {
    const named = signatures.flatMap((signature) => claimOf(signature)?.fingerprint ?? []);
    const other = named.length === 0 ? '' : `; it says that it is by ${named.join(', ')}`;
    throw new AirgapError('signature', `${path} has no signature by the key ${fingerprintOf(publicKey)}${other}`, {
      hint: 'do not use it unless you know why: it was signed by somebody else, or changed after it was signed',
    });
  }
  if (!own.some((signature) => claimOf(signature)?.digest === bundle.lockDigest)) {
    throw new AirgapError('signature', `${path} has a signature by that key, and it is over another lock`, {
      hint: 'what the bundle holds was changed after it was signed',
    });
  }
  const [difference] = differences(bundle);
  if (difference === undefined) return;
  throw new AirgapError('signature', `${path} is not what was signed: ${difference}`, {
    hint: 'the lock is signed; what the bundle holds was changed afterwards',
  });
}

/**
 * Opens a bundle that has to be signed by the key.
 * @throws AirgapError `signature`, also for what cannot be opened as a bundle: nobody can say who made that; `file`
 */
export async function openSigned(path: string, publicKey: KeyObject): Promise<Bundle> {
  const bundle = await openBundle(path).catch((error: unknown) => {
    if (!(error instanceof AirgapError) || error.code !== 'bundle-invalid') throw error;
    throw new AirgapError('signature', error.message, { hint: error.hint, cause: error });
  });
  try {
    await checkSignature(bundle, publicKey);
    return bundle;
  } catch (error) {
    await bundle.close();
    throw error;
  }
}

/** Where the bundle says anything but what the lock says. */
function differences(bundle: Bundle): string[] {
  return [
    ...checkAgreement(bundle).map(({ message }) => message),
    ...bundle.unnamed().map(({ digest }) => `the index lists ${digest}, and the lock does not`),
    ...bundle.structure().map(({ message }) => message),
  ];
}
