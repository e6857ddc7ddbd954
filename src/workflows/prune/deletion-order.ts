import type { Digest } from '../../oci/digest.ts';
import type { Relations } from './content.ts';

/**
 * Returns manifests in the order in which they are deleted, in groups: an index before its children, since registries refuse to
 * delete what an index has; a manifest before its referrers, so that nothing loses its signature and then stays.
 */
export function deletionOrder(relations: Relations, digests: Iterable<Digest>): readonly (readonly Digest[])[] {
  const wanted = new Set(digests);
  const { manifests, tags } = relations.content;
  const levels = new Map<Digest, number>();
  const after = (digest: Digest): readonly Digest[] => [
    ...(manifests.get(digest)?.children ?? []),
    ...relations.referrersOf(digest),
    ...relations.attachedTo(digest).flatMap((tag) => tags.get(tag) ?? []),
  ];
  // An index that refers to its own child is a cycle; then the order does not matter.
  const underway = new Set<Digest>();
  const place = (digest: Digest, level: number): void => {
    if (underway.has(digest) || (levels.get(digest) ?? -1) >= level) return;
    levels.set(digest, level);
    underway.add(digest);
    for (const next of after(digest)) place(next, level + 1);
    underway.delete(digest);
  };
  for (const digest of wanted) place(digest, 0);
  const groups = Map.groupBy(wanted, (digest) => levels.get(digest) ?? 0);
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}
