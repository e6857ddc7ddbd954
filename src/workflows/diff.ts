import { AirgapError } from '../base/errors.ts';
import {
  type BundleDifference,
  type Compared,
  comparedBundle,
  comparedLock,
  differenceOf,
} from '../bundle/difference.ts';
import { openForUse } from '../bundle/open.ts';
import { readExportedLock } from '../lock/exported.ts';
import type { SigningKey } from '../oci/signing-key.ts';

/** Differences between two bundles, and the files compared. */
export interface Diff extends BundleDifference {
  readonly old: BundleFile;
  readonly new: BundleFile;
}

/** Compared file: a bundle or its exported inventory. */
export interface BundleFile {
  readonly file: string;
  /** Size of the bundle in bytes. */
  readonly size: number;
}

/**
 * Compares two bundles. Either may be given as its exported inventory (lock/exported.ts).
 * @param signer public key that must have signed both bundles
 * @throws AirgapError `file`, `bundle-invalid`, `signature`
 */
export async function diff(oldFile: string, newFile: string, signer?: SigningKey['publicKey']): Promise<Diff> {
  const older = await read(oldFile, signer);
  const newer = await read(newFile, signer);
  return { old: older.file, new: newer.file, ...differenceOf(older.compared, newer.compared) };
}

async function read(
  path: string,
  signer: SigningKey['publicKey'] | undefined,
): Promise<{ readonly file: BundleFile; readonly compared: Compared }> {
  const exported = await readExportedLock(path);
  if (exported !== undefined && signer !== undefined) {
    throw new AirgapError('signature', `${path} is an exported inventory, which has no signature`, {
      hint: 'give the bundle itself',
    });
  }
  if (exported !== undefined) return { file: { file: path, size: exported.size }, compared: comparedLock(exported) };
  const bundle = await openForUse(path, { signer });
  try {
    return { file: { file: bundle.path, size: bundle.size }, compared: comparedBundle(bundle) };
  } finally {
    await bundle.close();
  }
}
