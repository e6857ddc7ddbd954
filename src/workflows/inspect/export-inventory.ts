import { AirgapError } from '../../base/errors.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { ExportedBlob, ExportedInventory } from '../../inventory/exported-inventory.ts';
import type { InventoryChart } from '../../inventory/inventory.ts';
import { withoutLegacyTexts } from '../../inventory/recipe.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatRepository } from '../../oci/reference.ts';
import { walk } from '../../transfer/walk.ts';

/**
 * Returns the inventory of a bundle with all its manifests and blobs, to be stored without the bundle. Blobs that a
 * delta omits are included, because the target had them when the delta was pushed.
 * @param concurrency manifests read at the same time
 * @throws AirgapError `bundle-invalid` when it is damaged, or another tool's archive
 */
export async function exportInventory(
  bundle: Bundle,
  concurrency: number,
  signal?: AbortSignal,
): Promise<ExportedInventory> {
  const { path, size, inventoryDigest, entries } = bundle;
  const inventory = bundle.inventory();
  if (inventoryDigest === undefined || inventory === undefined) {
    throw new AirgapError('bundle-invalid', `${path} has no inventory`, {
      hint: 'use a bundle written by helm airgap bundle',
    });
  }
  const references = bundle.images().map(({ reference }) => reference);
  const { graph, failures } = await walk(bundle, references, {
    platforms: [],
    concurrency,
    signal,
  });
  const [failure] = failures;
  if (failure !== undefined) {
    throw new AirgapError('bundle-invalid', `${path} is damaged: ${failure.error.message}`, {
      hint: 'check it with helm airgap verify; the base bundle must be complete',
      cause: failure.error,
    });
  }
  const blobs = new Map<Digest, ExportedBlob>();
  for (const [digest, entry] of entries) blobs.set(digest, { digest, size: entry.size });
  const leftOut = new Set(inventory.requires?.map(({ digest }) => digest));
  for (const [digest, { descriptor, repositories }] of graph.blobs) {
    if (entries.get(digest)?.size !== descriptor.size && !leftOut.has(digest)) continue;
    const names = repositories.map(formatRepository).sort();
    blobs.set(digest, { digest, size: descriptor.size, repositories: names });
  }
  return {
    apiVersion: 'airgap/v1',
    kind: 'BundleLock',
    schemaVersion: inventory.schemaVersion,
    minReaderVersion: inventory.minReaderVersion,
    size,
    lockDigest: inventoryDigest,
    lock: { ...inventory, charts: inventory.charts.map(withoutRecipeTexts) },
    blobs: [...blobs.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
  };
}

/**
 * Removes whole texts from the recipes of a chart. Older bundles have them, but an exported inventory may be public.
 */
function withoutRecipeTexts(chart: InventoryChart): InventoryChart {
  const profiles = chart.profiles.map(({ recipes, ...profile }) =>
    recipes === undefined ? profile : { ...profile, recipes: recipes.map(withoutLegacyTexts) },
  );
  return { ...chart, profiles };
}
