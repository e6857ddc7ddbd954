import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ManifestNode } from '../oci/graph.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Referrer } from '../oci/referrer.ts';

/**
 * Sorts manifests into levels to be pushed one after the other, each level concurrently: children before their index,
 * subjects before their referrers. GitLab refuses a manifest whose subject does not exist, and BuildKit's attestations
 * are children of an index that refer to another child.
 */
export function manifestLevels(nodes: readonly ManifestNode[]): readonly (readonly ManifestNode[])[] {
  return levels(nodes, manifestDependencies);
}

/** Like {@link manifestLevels}, for referrers of referrers. */
export function referrerLevels(referrers: readonly Referrer[]): readonly (readonly Referrer[])[] {
  return levels(referrers, ({ subject }) => [subject]);
}

function levels<T extends { readonly descriptor: Descriptor }>(
  items: readonly T[],
  dependenciesOf: (item: T) => readonly Digest[],
): T[][] {
  const dependencies = new Map(items.map((item) => [item, dependenciesOf(item)]));
  const sorted: T[][] = [];
  while (dependencies.size > 0) {
    const remaining = new Set([...dependencies.keys()].map(({ descriptor }) => descriptor.digest));
    const ready = [...dependencies]
      .filter(([, digests]) => !digests.some((digest) => remaining.has(digest)))
      .map(([item]) => item);
    // Digests cannot form a cycle. If damaged content seems to, the registry decides.
    const level = ready.length > 0 ? ready : [...dependencies.keys()];
    for (const item of level) dependencies.delete(item);
    sorted.push(level);
  }
  return sorted;
}

function manifestDependencies({ descriptor, bytes, children }: ManifestNode): readonly Digest[] {
  const digests = children.map(({ digest }) => digest);
  // Few manifests have a subject, and parsing all of them would cost as much as sending them.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"subject"')) return digests;
  const { subject } = parseManifest(descriptor.mediaType, bytes);
  return subject === undefined ? digests : [...digests, subject.digest];
}
