import { AirgapError } from '../../base/errors.ts';
import { type Emit, ignoreEvents } from '../../base/events.ts';
import {
  type BundleDifference,
  type ComparableBundle,
  comparableBundle,
  comparableInventory,
  compareBundles,
} from '../../bundle/difference.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import { readExportedInventory } from '../../inventory/exported-inventory.ts';

/** Differences between two bundles, and the files compared. */
export interface Diff extends BundleDifference {
  readonly old: BundleFile;
  readonly new: BundleFile;
}

/** Compared file: a bundle or its exported inventory. */
interface BundleFile {
  readonly file: string;
  /** Size of the bundle in bytes. */
  readonly size: number;
}

/**
 * Compares two bundles. Either may be given as its exported inventory (inventory/exported-inventory.ts).
 * @param signers public keys that must all have signed both bundles
 * @throws AirgapError `file`, `bundle-invalid`, `signature`
 */
export async function diff(
  oldFile: string,
  newFile: string,
  signers: readonly RequiredSigner[] = [],
  emit: Emit = ignoreEvents,
): Promise<Diff> {
  const older = await readSide(oldFile, signers, emit);
  return compare(older, await readSide(newFile, signers, emit));
}

/**
 * Compares an open bundle with an older one, or its exported inventory.
 * @throws AirgapError `file`, `bundle-invalid` for the older one
 */
export async function diffSince(oldFile: string, bundle: Bundle, emit: Emit = ignoreEvents): Promise<Diff> {
  return compare(await readSide(oldFile, [], emit), sideOf(bundle));
}

/** A compared file and its content. */
interface Side {
  readonly file: BundleFile;
  readonly compared: ComparableBundle;
}

function compare(older: Side, newer: Side): Diff {
  return { old: older.file, new: newer.file, ...compareBundles(older.compared, newer.compared) };
}

async function readSide(path: string, signers: readonly RequiredSigner[], emit: Emit): Promise<Side> {
  const exported = await readExportedInventory(path);
  if (exported !== undefined && signers.length > 0) {
    throw new AirgapError('signature', `${path} is an exported inventory, which has no signature`, {
      hint: 'give the bundle itself',
    });
  }
  if (exported !== undefined)
    return { file: { file: path, size: exported.size }, compared: comparableInventory(exported) };
  const bundle = await openCheckedBundle(path, { signers, emit });
  try {
    return sideOf(bundle);
  } finally {
    await bundle.close();
  }
}

function sideOf(bundle: Bundle): Side {
  return { file: { file: bundle.path, size: bundle.size }, compared: comparableBundle(bundle) };
}
