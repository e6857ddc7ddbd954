import type { Digest } from '../../oci/digest.ts';
import type { Relations } from './content.ts';

/**
 * Returns manifests in the order in which they are deleted, in groups: an index before its children, since registries refuse to
 * delete what an index has; a manifest before its referrers, so that nothing loses its signature and then stays. Where both
 * cannot be, for a referrer that is an index above its own subject, the first holds.
 */
export function deletionOrder(relations: Relations, digests: Iterable<Digest>): readonly (readonly Digest[])[] {
  const open = new Set(digests);
  const { manifests, tags } = relations.content;
  /** For each manifest, how many that go before it are not in a group yet. */
  const indexes = new Map<Digest, number>();
  const subjects = new Map<Digest, number>();
  const children = (digest: Digest): readonly Digest[] => manifests.get(digest)?.children ?? [];
  const attached = (digest: Digest): readonly Digest[] => [
    ...relations.referrersOf(digest),
    ...relations.attachedTo(digest).flatMap((tag) => tags.get(tag) ?? []),
  ];
  const add = (counts: Map<Digest, number>, keys: readonly Digest[], by: number): void => {
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + by);
  };
  for (const digest of open) {
    add(indexes, children(digest), 1);
    add(subjects, attached(digest), 1);
  }
  const groups: Digest[][] = [];
  while (open.size > 0) {
    const top = [...open].filter((digest) => !indexes.get(digest));
    const free = top.filter((digest) => !subjects.get(digest));
    // One at a time, since the others of a circle may be needed if it cannot be deleted.
    const group = free.length > 0 ? free : top.slice(0, 1);
    for (const digest of group) {
      open.delete(digest);
      add(indexes, children(digest), -1);
      add(subjects, attached(digest), -1);
    }
    groups.push(group);
  }
  return groups;
}
