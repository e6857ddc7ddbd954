import { basename } from 'node:path';
import { type Emit, ignoreEvents } from '../../base/events.ts';
import { formatPath } from '../../base/field-path.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import { claimOf, readSignatures, type SignedClaim } from '../../bundle/signing/signature.ts';
import { type Delta, deltaOf } from '../../inventory/delta.ts';
import type { ExportedInventory } from '../../inventory/exported-inventory.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { legacyTextPaths } from '../../inventory/recipe.ts';
import type { InventoryTool } from '../../inventory/tools.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference } from '../../oci/reference.ts';
import { fingerprintOf } from '../../oci/signing-key.ts';
import { exportInventory } from './export-inventory.ts';

/** Content of a bundle. */
export interface Inspection {
  readonly file: string;
  /** Size in bytes. */
  readonly size: number;
  readonly blobs: number;
  /** Number of parts; undefined for a single file. */
  readonly parts?: number;
  readonly charts: readonly { readonly name: string; readonly version: string; readonly digest: Digest }[];
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  /** Digest of the inventory's manifest, by which deltas refer to this bundle. */
  readonly lockDigest?: Digest;
  /** Unverified claims of its signatures; `verify` with the key checks them. */
  readonly signatures?: readonly SignedClaim[];
  /** Fingerprints of the keys by which signatures were required and verified. */
  readonly signedBy?: readonly Digest[];
  /** Programs and archives in `tools/`; absent without any. */
  readonly tools?: readonly InventoryTool[];
  /** Set for a bundle that omits content of an older one. */
  readonly delta?: Delta;
  /** Inventory of the bundle; undefined for another tool's archive. */
  readonly lock: Inventory | undefined;
  /** Values stored with their full text, which may include secrets; written by older versions of helm airgap. */
  readonly wholeTexts?: readonly { readonly chart: string; readonly path: string }[];
}

/**
 * Returns the content of a bundle.
 * @param signers public keys that must all have signed it
 * @throws AirgapError `bundle-invalid`; `signature`
 */
export async function inspect(
  file: string,
  signers: readonly RequiredSigner[] = [],
  emit: Emit = ignoreEvents,
): Promise<Inspection> {
  const source = await openCheckedBundle(file, { signers, emit });
  try {
    const inventory = source.inventory();
    const wholeTexts = inventory === undefined ? [] : storedValueTexts(inventory);
    return {
      ...(await summarize(source)),
      ...verifiedSigners(signers),
      ...(wholeTexts.length === 0 ? {} : { wholeTexts }),
      lock: inventory,
    };
  } finally {
    await source.close();
  }
}

/**
 * Exports the inventory of a bundle, for use in place of the bundle with `--since` and `diff`.
 * @throws AirgapError `bundle-invalid` if it is damaged, or another tool's archive
 */
export async function inspectInventory(
  file: string,
  concurrency: number,
  signers: readonly RequiredSigner[] = [],
  emit: Emit = ignoreEvents,
): Promise<ExportedInventory> {
  const source = await openCheckedBundle(file, { signers, emit });
  try {
    return await runStep(emit, `reading the manifests of ${printableLine(basename(file))}`, () =>
      exportInventory(source, concurrency),
    );
  } finally {
    await source.close();
  }
}

function storedValueTexts({ charts }: Inventory): NonNullable<Inspection['wholeTexts']> {
  const all = charts.flatMap(({ name, version, profiles }) =>
    profiles.flatMap(({ recipes = [] }) =>
      recipes.flatMap(legacyTextPaths).map((path) => ({ chart: `${name} ${version}`, path: formatPath(path) })),
    ),
  );
  return [...new Map(all.map((text) => [`${text.chart} ${text.path}`, text])).values()];
}

/** Returns the field with the fingerprints of the required keys, whose signatures are verified. */
export function verifiedSigners(signers: readonly RequiredSigner[]): Pick<Inspection, 'signedBy'> {
  return signers.length === 0 ? {} : { signedBy: signers.map(({ publicKey }) => fingerprintOf(publicKey)) };
}

/** Summarizes the content of an open bundle. */
export async function summarize(source: Bundle): Promise<Omit<Inspection, 'lock' | 'wholeTexts'>> {
  const inventory = source.inventory();
  const { inventoryDigest } = source;
  const delta = inventory && deltaOf(inventory);
  // Unreadable signatures are skipped here; verify reports them.
  const signatures = (await readSignatures(source).catch(() => [])).flatMap((signature) => claimOf(signature) ?? []);
  return {
    file: source.path,
    size: source.size,
    blobs: source.entries.size,
    ...(source.parts.length === 0 ? {} : { parts: source.parts.length }),
    charts: source.charts().map(({ name, version, descriptor }) => ({ name, version, digest: descriptor.digest })),
    images: source.images().map(({ reference, descriptor }) => ({
      reference: formatReference(reference),
      digest: descriptor.digest,
    })),
    lockDigest: inventoryDigest,
    ...(signatures.length === 0 ? {} : { signatures }),
    delta,
    ...(inventory?.tools && { tools: inventory.tools }),
  };
}
