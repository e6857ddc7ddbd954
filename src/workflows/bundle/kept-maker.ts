import { inventoryArtifact } from '../../bundle/format/metadata.ts';
import { openBundle } from '../../bundle/reading/bundle.ts';
import type { Inventory } from '../../inventory/inventory.ts';

/**
 * Returns an inventory with the version that made the existing bundle at `path`, if nothing else in it differs. So a newer
 * version finds the bundle up to date, and signatures over its inventory stay valid.
 * @param evidence further content of the inventory artifact
 */
export async function withKeptMaker(
  inventory: Inventory,
  evidence: readonly Uint8Array[],
  path: string,
): Promise<Inventory> {
  // Whatever else is there, the planning of the output judges it.
  const existing = await openBundle(path).catch(() => undefined);
  if (existing === undefined) return inventory;
  try {
    const kept = { ...inventory, madeBy: existing.inventory()?.madeBy };
    return inventoryArtifact(kept, evidence).descriptor.digest === existing.inventoryDigest ? kept : inventory;
  } finally {
    await existing.close();
  }
}
