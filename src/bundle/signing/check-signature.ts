import type { KeyObject } from 'node:crypto';
import { count } from '../../base/count.ts';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { fingerprintOf, isValidSignature } from '../../oci/signing-key.ts';
import type { Bundle } from '../reading/bundle.ts';
import { checkAgainstInventory } from '../verifying/inventory-check.ts';
import type { Signature } from './detached.ts';
import { claimOf, readSignatures } from './signature.ts';

/** A key that must have signed a bundle. */
export interface RequiredSigner {
  /** File of the key, for messages. */
  readonly name: string;
  readonly publicKey: KeyObject;
}

/**
 * Checks offline that all these keys signed the inventory, and that the bundle contains exactly what the inventory lists.
 * The signatures then cover all content, which the inventory lists by digest and which is verified when it is read.
 * @throws AirgapError `signature`, which names all keys without a signature
 */
export async function checkSignatures(bundle: Bundle, signers: readonly RequiredSigner[]): Promise<void> {
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
  const validFor = ({ publicKey }: RequiredSigner): readonly Signature[] =>
    signatures.filter(({ payload, base64 }) => isValidSignature(publicKey, payload, base64));
  const missing = signers.filter((signer) => validFor(signer).length === 0);
  if (missing.length > 0) {
    const fingerprints = signatures.flatMap((signature) => claimOf(signature)?.fingerprint ?? []);
    const claimText = fingerprints.length === 0 ? '' : `; it claims to be signed by ${fingerprints.join(', ')}`;
    throw new AirgapError('signature', `${path} has no signature by ${keyNames(missing)}${claimText}`, {
      hint: 'do not use it unless you know why: it was signed with another key, changed after it was signed, or not signed yet',
    });
  }
  const others = signers.filter(
    (signer) => !validFor(signer).some((signature) => claimOf(signature)?.digest === bundle.inventoryDigest),
  );
  if (others.length > 0) {
    throw new AirgapError('signature', `${path} has a signature by ${keyNames(others)}, but over another inventory`, {
      hint: 'the bundle was changed after it was signed',
    });
  }
  const [difference] = differences(bundle);
  if (difference === undefined) return;
  throw new AirgapError('signature', `${path} does not match what was signed: ${difference}`, {
    hint: 'the signed inventory is intact, but the bundle was changed afterwards',
  });
}

/** Names keys: by their files, and by the fingerprints that messages and reports show. */
function keyNames(signers: readonly RequiredSigner[]): string {
  const names = signers.map(({ name, publicKey }) => `${name} (${fingerprintOf(publicKey)})`);
  return `the ${signers.length === 1 ? 'key' : count(signers.length, 'key')} ${names.join(' and ')}`;
}

/** Lists differences between the bundle and its inventory. */
function differences(bundle: Bundle): string[] {
  return [
    ...checkAgainstInventory(bundle).map(({ message }) => message),
    ...bundle.unnamed().map(({ digest }) => `the index lists ${digest}, but the inventory does not`),
    ...bundle.checkStructure().map(({ message }) => message),
  ];
}
