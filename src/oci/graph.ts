import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import type { Reference, Repository } from './reference.ts';
import type { Referrer } from './referrer.ts';

/** A manifest or index with everything it needs in order to be there. */
export interface ManifestNode {
  readonly descriptor: Descriptor;
  /** Exactly as the source has it, unless a platform subset made it. */
  readonly bytes: Uint8Array;
  /** Children of an index, in its order. Each is in the graph too. */
  readonly children: readonly Descriptor[];
  /** Config and layers of a manifest. Each is in the graph too. */
  readonly blobs: readonly Descriptor[];
  /** Where it was read. */
  readonly repository: Repository;
}

/** A blob, once however many manifests name it. */
export interface BlobNode {
  readonly descriptor: Descriptor;
  /** Every repository of the source that has it: when one does not answer, another may. */
  readonly repositories: readonly Repository[];
  /** Content that no source holds: charts, locks, configs made in memory. */
  readonly bytes?: Uint8Array;
}

/** Manifests and blobs by digest. Complete: whatever a manifest names is there. */
export interface Content {
  readonly manifests: ReadonlyMap<Digest, ManifestNode>;
  readonly blobs: ReadonlyMap<Digest, BlobNode>;
}

/** One thing to be copied, under the name it has at its source. */
export interface Root {
  readonly reference: Reference;
  /** Of the manifest or index to be copied. */
  readonly descriptor: Descriptor;
  /** The digest at the source, when a platform subset made another index. */
  readonly sourceDigest?: Digest;
  /** The index with that digest, and those in it that were made smaller, as the source has them. */
  readonly sources?: readonly Uint8Array[];
}

/** What a copy is going to move: everything is known before the first layer is read. */
export interface Graph extends Content {
  readonly roots: readonly Root[];
  /** What belongs to manifests of the graph and is complete in it, too: signatures and the like. */
  readonly referrers?: readonly Referrer[];
}

/** Digests of everything under one manifest, itself included: manifests with children before parents, and blobs. */
export interface Closure {
  readonly manifests: readonly Digest[];
  readonly blobs: readonly Digest[];
}

/** What one manifest needs. Unknown digests are left out. */
export function closureOf({ manifests }: Pick<Content, 'manifests'>, digest: Digest): Closure {
  const seen = new Set<Digest>();
  const order: Digest[] = [];
  const blobs = new Set<Digest>();
  const visit = (at: Digest): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const node = manifests.get(at);
    if (node === undefined) return;
    for (const child of node.children) visit(child.digest);
    for (const blob of node.blobs) blobs.add(blob.digest);
    order.push(at);
  };
  visit(digest);
  return { manifests: order, blobs: [...blobs] };
}

/** Bytes of all manifests and blobs under one manifest, each counted once. */
export function bytesOf(content: Content, digest: Digest): number {
  const { manifests, blobs } = closureOf(content, digest);
  let bytes = 0;
  for (const at of manifests) bytes += content.manifests.get(at)?.bytes.length ?? 0;
  for (const at of blobs) bytes += content.blobs.get(at)?.descriptor.size ?? 0;
  return bytes;
}
