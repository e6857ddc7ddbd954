import type { Digest } from '../oci/digest.ts';
import type { ManifestNode } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';

/**
 * Sorts manifests into levels that can be sent one after the other, and each at once: children before their index, a
 * subject before what names it (GitLab refuses a manifest whose subject is not there; BuildKit's attestations are children
 * of an index and name another child).
 */
export function levelsOf(nodes: readonly ManifestNode[]): readonly (readonly ManifestNode[])[] {
  const left = new Map(nodes.map((node) => [node.descriptor.digest, node]));
  const needs = new Map([...left.values()].map((node) => [node, neededBy(node)]));
  const levels: ManifestNode[][] = [];
  while (left.size > 0) {
    const ready = [...left.values()].filter((node) => !needs.get(node)?.some((digest) => left.has(digest)));
    // Digests cannot name each other in a ring; should content say so all the same, the registry has the last word.
    const level = ready.length > 0 ? ready : [...left.values()];
    for (const { descriptor } of level) left.delete(descriptor.digest);
    levels.push(level);
  }
  return levels;
}

function neededBy({ descriptor, bytes, children }: ManifestNode): readonly Digest[] {
  const digests = children.map(({ digest }) => digest);
  // Hardly any has one, and reading all of them again would cost as much as sending them.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"subject"')) return digests;
  const { subject } = readLinks(descriptor.mediaType, bytes);
  return subject === undefined ? digests : [...digests, subject.digest];
}
