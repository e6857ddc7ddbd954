import type { KeyObject } from 'node:crypto';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { fingerprintOf, isValidSignature } from '../../oci/signing-key.ts';
import type { Bundle } from '../reading/bundle.ts';
import { checkAgainstInventory } from '../verifying/inventory-check.ts';
import { claimOf, readSignatures } from './signature.ts';

/**
 * Checks offline that the key signed the inventory, and that the bundle contains exactly what the inventory lists. The
 * signature then covers all content, which the inventory lists by digest and which is verified when it is read.
 * @throws AirgapError `signature`
 */
export async function checkSignature(bundle: Bundle, publicKey: KeyObject): Promise<void> {
  const { path } = bundle;
  const inventory = bundle.inventory();
  const signatures = await readSignatures(bundle).catch((cause: unknown) => {
    throw new AirgapError('signature', `${path} has a signature that cannot be read: ${messageOf(cause)}`, { cause });
  });
  if (inventory === undefined || signatures.length === 0) {
    throw new AirgapError('signature', `${path} is not signed`, {
      hint: 'create a signed bundle with helm airgap bundle --sign KEY',
    });
  }
  const valid = signatures.filter(({ payload, base64 }) => isValidSignature(publicKey, payload, base64));
  if (valid.length === 0) {
    const fingerprints = signatures.flatMap((signature) => claimOf(signature)?.fingerprint ?? []);
    const claimText = fingerprints.length === 0 ? '' : `; it claims to be signed by ${fingerprints.join(', ')}`;
    throw new AirgapError('signature', `${path} has no signature by the key ${fingerprintOf(publicKey)}${claimText}`, {
      hint: 'do not use it unless you know why: it was signed with another key, or changed after it was signed',
    });
  }
  if (!valid.some((signature) => claimOf(signature)?.digest === bundle.inventoryDigest)) {
    throw new AirgapError('signature', `${path} has a signature by that key, but over another inventory`, {
      hint: 'the bundle was changed after it was signed',
    });
  }
  const [difference] = differences(bundle);
  if (difference === undefined) return;
  throw new AirgapError('signature', `${path} does not match what was signed: ${difference}`, {
    hint: 'the signed inventory is intact, but the bundle was changed afterwards',
  });
}

/** Lists differences between the bundle and its inventory. */
function differences(bundle: Bundle): string[] {
  return [
    ...checkAgainstInventory(bundle).map(({ message }) => message),
    ...bundle.unnamed().map(({ digest }) => `the index lists ${digest}, but the inventory does not`),
    ...bundle.checkStructure().map(({ message }) => message),
  ];
}
