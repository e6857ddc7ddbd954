import { basename } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { ignoreEvents } from '../../base/events.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import type { ChartArtifact } from '../../bundle/format/chart-artifact.ts';
import { emptyBlob } from '../../bundle/format/inline.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import { type ExportedInventory, readExportedInventory } from '../../inventory/exported-inventory.ts';
import type { Inventory, RequiredBlob } from '../../inventory/inventory.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import type { Context } from '../../session/context.ts';
import { exportInventory } from '../inspect/export-inventory.ts';

/** Base bundle of a delta, which has been pushed to the target before. */
export interface BaseBundle {
  /** Digest of its inventory manifest. */
  readonly inventoryDigest: Digest;
  /** Blobs of its images, including those that it omits as a delta itself. */
  readonly blobs: ReadonlyMap<Digest, RequiredBlob>;
}

/**
 * Reads the content of a base bundle, from the bundle or from its exported inventory.
 * @throws AirgapError `file`; `bundle-invalid` when it is damaged, another tool's archive, or another document
 */
export function readBaseBundle(
  file: string,
  concurrency: number,
  { emit = ignoreEvents, signal }: Partial<Pick<Context, 'emit' | 'signal'>> = {},
): Promise<BaseBundle> {
  return runStep(emit, `reading ${printableLine(basename(file))}`, () => readBase(file, concurrency, signal));
}

async function readBase(file: string, concurrency: number, signal: AbortSignal | undefined): Promise<BaseBundle> {
  try {
    const { lockDigest, blobs } =
      (await readExportedInventory(file)) ?? (await readInventoryOf(file, concurrency, signal));
    const ofImages = blobs.flatMap(({ digest, size, repositories }) =>
      repositories === undefined ? [] : [[digest, { digest, size, repositories }] as const],
    );
    return { inventoryDigest: lockDigest, blobs: new Map(ofImages) };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code !== 'bundle-invalid') throw error;
    const hint =
      'use the older bundle or the output of helm airgap inspect OLD.tar -o lock; an airgap.lock file does not list the blobs of images';
    throw new AirgapError('bundle-invalid', `--since: ${error.message}`, { hint: error.hint ?? hint, cause: error });
  }
}

async function readInventoryOf(file: string, concurrency: number, signal?: AbortSignal): Promise<ExportedInventory> {
  const bundle = await openCheckedBundle(file);
  try {
    return await exportInventory(bundle, concurrency, signal);
  } finally {
    await bundle.close();
  }
}

/**
 * Returns the inventory fields of a delta, which omits every image blob of the base bundle. Manifests, charts and
 * referrers are always included: they are small, and `push`, `verify` and `values` need them offline.
 * @param incomplete references of images of which the receiver lacks content; nothing of them is omitted
 */
export function deltaFields(
  { inventoryDigest: lockDigest, blobs }: BaseBundle,
  graph: Graph,
  charts: readonly ChartArtifact[],
  incomplete: ReadonlySet<string> = new Set(),
): Pick<Inventory, 'since' | 'requires'> {
  // The inventory manifest uses the empty config.
  const included = new Set([
    emptyBlob.descriptor.digest,
    ...charts.flatMap(({ content }) => [...content.blobs.keys()]),
    ...graph.roots
      .filter(({ reference }) => incomplete.has(formatReference(reference)))
      .flatMap(({ descriptor }) => closureOf(graph, descriptor.digest).blobs),
    ...(graph.referrers ?? []).flatMap(({ descriptor }) => closureOf(graph, descriptor.digest).blobs),
  ]);
  const requires = [...graph.blobs].flatMap(([digest, { descriptor }]) => {
    const required = blobs.get(digest);
    return required?.size !== descriptor.size || included.has(digest) || graph.manifests.has(digest) ? [] : [required];
  });
  return { since: lockDigest, requires: requires.sort((a, b) => (a.digest < b.digest ? -1 : 1)) };
}
