import { readFile } from 'node:fs/promises';
import { AirgapError } from '../base/errors.ts';
import { writeOutput } from '../base/output-file.ts';
import type { Digest } from '../oci/digest.ts';
import { fingerprintOf, type SigningKey } from '../oci/signing-key.ts';
import { bundleName, splitIndexPath } from './files/split-index.ts';
import type { Bundle } from './reading/bundle.ts';
import {
  detachedPath,
  formatDetached,
  MAX_SIGNATURES,
  readDetachedSignatures,
  type Signature,
} from './signing/detached.ts';
import { writePartSums } from './signing/part-sums.ts';
import { claimOf, includedSignatures, isSignatureOver, signInventory, sortSignatures } from './signing/signature.ts';
import { planSignedCopy, type SignedCopyOptions, writeSignedCopy } from './writing/signed-copy.ts';

export interface SignOptions extends SignedCopyOptions {
  readonly key: SigningKey;
  /** Writes the signature beside the bundle. That of a bundle in parts is always beside it. */
  readonly detached: boolean;
}

export interface SignResult {
  /** `up-to-date`: the key has signed the bundle before, and nothing was written. */
  readonly status: 'signed' | 'up-to-date';
  /** Fingerprint of the key. */
  readonly signedBy: Digest;
  /** Signatures of the bundle now. */
  readonly signatures: number;
  /** File with the signature: the bundle, or the one beside it. */
  readonly signatureFile: string;
}

/**
 * Adds a signature to a bundle that this tool packed. The parts of a split bundle are not touched: a medium, checksums or
 * recovery data may depend on them.
 * @throws AirgapError `unsupported` for too many signatures; `bundle-invalid`, `file`, `no-space`, `interrupted`,
 *   `output-exists`; errors of the check
 */
export async function signBundle(bundle: Bundle, options: SignOptions): Promise<SignResult> {
  const { key, check } = options;
  const inventoryDigest = bundle.inventoryDigest as Digest;
  const isOurs = (signature: Signature): boolean => isSignatureOver(signature, inventoryDigest, key.publicKey);
  const isCurrent = (signature: Signature): boolean => claimOf(signature)?.digest === inventoryDigest;
  const included = await includedSignatures(bundle);
  // Those over other inventories are from a bundle that had this name.
  const beside = (await readDetachedSignatures(bundle)).filter(isCurrent);
  const existing = [...included, ...beside];
  const isSplit = bundle.parts.length > 0;
  const isBeside = isSplit || options.detached;
  const signatureFile = isBeside ? detachedPath(bundle) : bundle.path;
  const signedBy = fingerprintOf(key.publicKey);
  if (existing.some(isOurs)) {
    await check();
    if (isSplit) await signParts(bundle, key);
    const found = included.some(isOurs) ? bundle.path : detachedPath(bundle);
    return { status: 'up-to-date', signedBy, signatures: existing.length, signatureFile: found };
  }
  const signature = signInventory(inventoryDigest, key);
  const changed = [...(isBeside ? beside : included), signature];
  if (changed.length > MAX_SIGNATURES) {
    throw new AirgapError(
      'unsupported',
      `${signatureFile} has ${MAX_SIGNATURES} signatures already, which is the limit`,
    );
  }
  if (isBeside) {
    await check();
    if (isSplit) await signParts(bundle, key);
    await writeOutput(signatureFile, formatDetached(sortSignatures(changed)));
  } else await writeSignedCopy(bundle, await planSignedCopy(bundle, included, changed), options);
  return { status: 'signed', signedBy, signatures: existing.length + 1, signatureFile };
}

/** Signs the checksums of the parts, which the check has compared with the parts. */
async function signParts({ path, parts }: Bundle, key: SigningKey): Promise<void> {
  const name = bundleName(path);
  await writePartSums(name, parts, await readFile(splitIndexPath(name), 'utf8'), key);
}
