import { AirgapError } from '../base/errors.ts';
import { encodedOf } from '../oci/digest.ts';
import type { Root } from '../oci/graph.ts';
import { formatReference, formatRepository, type Reference, type Repository } from '../oci/reference.ts';

/** Where a root goes. */
export interface Placement {
  readonly root: Root;
  readonly repository: Repository;
  readonly tag: string;
}

/**
 * Gives every root its repository and tag in the target. A root pinned by digest alone gets `digest-<12 hex>`: without a
 * tag, a lifecycle rule for untagged images would expire it. So does one pinned by tag and digest when another root has
 * that very tag with another digest.
 * @param target says where a reference goes; its tag stays unless that has another
 * @throws AirgapError `collision` naming the references that would take one tag with different content
 */
export function place(roots: readonly Root[], target: (source: Reference) => Reference): readonly Placement[] {
  const taken = new Map<string, Root>();
  const placements = new Map<Root, Placement>();
  const clashes: string[] = [];
  // Who is named by tag alone has the first claim: nothing but the tag leads to it.
  const claims = (pinned: boolean): readonly Root[] =>
    roots.filter(({ reference }) => pinned === Boolean(reference.digest));
  for (const root of [...claims(false), ...claims(true)]) {
    const { reference, descriptor } = root;
    const { registry, path, tag: named } = target(reference);
    const repository = { registry, path };
    const byDigest = `digest-${encodedOf(descriptor.digest).slice(0, 12)}`;
    const differs = (tag: string): Root | undefined => {
      const other = taken.get(`${formatRepository(repository)}:${tag}`);
      return other?.descriptor.digest === descriptor.digest ? undefined : other;
    };
    let tag = named ?? reference.tag ?? byDigest;
    if (reference.digest !== undefined && differs(tag)) tag = byDigest;
    const other = differs(tag);
    if (other !== undefined) {
      const both = `${formatReference(other.reference)} and ${formatReference(reference)}`;
      clashes.push(`${both} would both become ${formatRepository(repository)}:${tag}`);
    }
    taken.set(`${formatRepository(repository)}:${tag}`, root);
    placements.set(root, { root, repository, tag });
  }
  if (clashes.length > 0) {
    throw new AirgapError('collision', `different images would get one name: ${clashes.join('; ')}`, {
      hint: 'use --naming host-path, which keeps the source host in the name, or a --naming-rule for one of them',
    });
  }
  return roots.map((root) => placements.get(root) as Placement);
}
