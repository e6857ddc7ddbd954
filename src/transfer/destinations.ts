import { AirgapError } from '../base/errors.ts';
import { encodedOf } from '../oci/digest.ts';
import type { Root } from '../oci/graph.ts';
import { formatReference, formatRepository, type Reference, type Repository } from '../oci/reference.ts';

/** Repository and tag of a root in the target. */
export interface Destination {
  readonly root: Root;
  readonly repository: Repository;
  readonly tag: string;
}

/**
 * Returns the repository and tag of every root in the target. A root pinned by digest alone gets the tag
 * `digest-<12 hex>`, because lifecycle rules delete untagged images. So does a root pinned by tag and digest if another
 * root has the same tag with another digest.
 * @param target maps a reference to its target; the source tag is used unless the result has one
 * @throws AirgapError `collision` naming the references that would get the same tag with different content
 */
export function destinationsFor(
  roots: readonly Root[],
  target: (source: Reference) => Reference,
): readonly Destination[] {
  const taken = new Map<string, Root>();
  const destinations = new Map<Root, Destination>();
  const collisions: string[] = [];
  // References without a digest come first, because they can only be found by their tag.
  const rootsWith = (hasDigest: boolean): readonly Root[] =>
    roots.filter(({ reference }) => hasDigest === Boolean(reference.digest));
  for (const root of [...rootsWith(false), ...rootsWith(true)]) {
    const { reference, descriptor } = root;
    const { registry, path, tag: targetTag } = target(reference);
    const repository = { registry, path };
    const digestTag = `digest-${encodedOf(descriptor.digest).slice(0, 12)}`;
    const conflicting = (tag: string): Root | undefined => {
      const other = taken.get(`${formatRepository(repository)}:${tag}`);
      return other?.descriptor.digest === descriptor.digest ? undefined : other;
    };
    let tag = targetTag ?? reference.tag ?? digestTag;
    if (reference.digest !== undefined && conflicting(tag)) tag = digestTag;
    const other = conflicting(tag);
    if (other !== undefined) {
      const names = `${formatReference(other.reference)} and ${formatReference(reference)}`;
      collisions.push(`${names} would both become ${formatRepository(repository)}:${tag}`);
    }
    taken.set(`${formatRepository(repository)}:${tag}`, root);
    destinations.set(root, { root, repository, tag });
  }
  if (collisions.length > 0) {
    throw new AirgapError('collision', `different images would get the same name: ${collisions.join('; ')}`, {
      hint: 'use --naming host-path, which keeps the source host in the name, or a --naming-rule for one of them',
    });
  }
  return roots.map((root) => destinations.get(root) as Destination);
}
