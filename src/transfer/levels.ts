import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ManifestNode } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';
import type { Referrer } from '../oci/referrer.ts';

/**
 * Sorts manifests into levels to be pushed one after the other, each level concurrently: children before their index,
 * subjects before their referrers. GitLab refuses a manifest whose subject does not exist, and BuildKit's attestations
 * are children of an index that refer to another child.
 */
export function manifestLevels(nodes: readonly ManifestNode[]): readonly (readonly ManifestNode[])[] {
  return levels(nodes, neededBy);
}

/** Like {@link manifestLevels}, for referrers of referrers. */
export function referrerLevels(referrers: readonly Referrer[]): readonly (readonly Referrer[])[] {
  return levels(referrers, ({ subject }) => [subject]);
}

function levels<T extends { readonly descriptor: Descriptor }>(
  items: readonly T[],
  needsOf: (item: T) => readonly Digest[],
): T[][] {
  const needs = new Map(items.map((item) => [item, needsOf(item)]));
  const sorted: T[][] = [];
  while (needs.size > 0) {
    const left = new Set([...needs.keys()].map(({ descriptor }) => descriptor.digest));
    const ready = [...needs].filter(([, digests]) => !digests.some((digest) => left.has(digest))).map(([item]) => item);
    // Digests cannot form a cycle. If damaged content seems to, the registry decides.
    const level = ready.length > 0 ? ready : [...needs.keys()];
    for (const item of level) needs.delete(item);
    sorted.push(level);
  }
  return sorted;
}

function neededBy({ descriptor, bytes, children }: ManifestNode): readonly Digest[] {
  const digests = children.map(({ digest }) => digest);
  // Few manifests have a subject, and parsing all of them would cost as much as sending them.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"subject"')) return digests;
  const { subject } = readLinks(descriptor.mediaType, bytes);
  return subject === undefined ? digests : [...digests, subject.digest];
}
