import type { Estimate, Quota } from '../../base/events.ts';
import type { Layout } from '../../bundle/format/layout.ts';
import type { BundlePlan } from '../../bundle/write.ts';
import type { EarlierBundles } from '../../bundle/writing/earlier-bundles.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph } from '../../oci/graph.ts';

export interface EstimateInput {
  readonly plan: BundlePlan;
  readonly graph: Graph;
  /** Number of charts in the bundle. */
  readonly charts: number;
  readonly earlier: EarlierBundles;
  readonly quotas: readonly Quota[];
}

/** Returns the estimated cost of writing a bundle. */
export function estimate({ plan, graph, charts, earlier, quotas }: EstimateInput): Estimate {
  const { layout, blobs, isUpToDate, preflight } = plan;
  const bytes = { fetched: 0, reused: 0, resumed: 0 };
  for (const { node, name } of isUpToDate ? [] : layout.entries) {
    // Tools, which have names, are files of this host.
    if (node === undefined || name !== undefined) continue;
    const { digest, size } = node.descriptor;
    const resumed = Math.min(preflight.reusable.get(digest) ?? 0, size);
    bytes.resumed += resumed;
    bytes[earlier.hasBlob(node.descriptor) ? 'reused' : 'fetched'] += size - resumed;
  }
  return {
    charts,
    images: graph.roots.length,
    blobs,
    size: layout.size,
    shared: sharedBytes(layout, graph),
    ...bytes,
    needed: isUpToDate ? 0 : preflight.neededBytes,
    free: preflight.freeBytes,
    quotas,
  };
}

/** Returns the bytes saved by content that several images share; content outside the file does not count. */
function sharedBytes({ entries }: Layout, graph: Graph): number {
  const sizes = new Map(entries.map(({ digest, size }) => [digest, size]));
  const seen = new Set<Digest>();
  let shared = 0;
  for (const { descriptor } of graph.roots) {
    const { manifests, blobs } = closureOf(graph, descriptor.digest);
    for (const digest of [...manifests, ...blobs]) {
      if (seen.has(digest)) shared += sizes.get(digest) ?? 0;
      seen.add(digest);
    }
  }
  return shared;
}
