import { compareText } from '../../base/text-order.ts';
import type { PruneReason } from '../../inventory/prune-list.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Relations } from './content.ts';
import type { Staying } from './staying.ts';

/** A tag or manifest that nothing needs. */
export interface Candidate {
  /** Absent for a manifest without a tag. */
  readonly tag?: string;
  readonly digest: Digest;
  readonly reason: PruneReason;
  /** Digest or tag that the reason is about. */
  readonly of?: string;
  readonly pushed?: string;
}

/** Returns what does not stay: tags, sorted, then manifests without a tag, each index before its children. */
export function candidatesOf(relations: Relations, staying: Staying): readonly Candidate[] {
  const { tags, manifests } = relations.content;
  const leaving = [...tags].filter(([tag]) => !staying.tags.has(tag)).sort(([a], [b]) => compareText(a, b));
  const pushed = (digest: Digest): { readonly pushed?: string } => {
    const time = manifests.get(digest)?.pushed;
    return time === undefined ? {} : { pushed: time };
  };
  const tagged = leaving.map(
    ([tag, digest]): Candidate => ({ tag, digest, ...tagReason(tag, digest), ...pushed(digest) }),
  );
  const untagged = [...manifests.values()]
    .filter(({ digest }) => !staying.digests.has(digest) && relations.tagsOf(digest).length === 0)
    .sort((a, b) => b.children.length - a.children.length || compareText(a.digest, b.digest))
    .map(({ digest, subject }): Candidate => ({ digest, ...manifestReason(digest, subject), ...pushed(digest) }));
  return [...tagged, ...untagged];

  function tagReason(tag: string, digest: Digest): Pick<Candidate, 'reason' | 'of'> {
    if (staying.digests.has(digest)) {
      const other = relations.tagsOf(digest).find((one) => staying.tags.has(one));
      return { reason: 'tag-only', ...(other !== undefined && { of: other }) };
    }
    const subject = relations.subjectOfTag(tag);
    return subject === undefined ? { reason: 'unused' } : { reason: 'referrer', of: subject };
  }

  function manifestReason(digest: Digest, subject: Digest | undefined): Pick<Candidate, 'reason' | 'of'> {
    const [parent] = relations.parentsOf(digest);
    if (subject !== undefined) return { reason: 'referrer', of: subject };
    return parent === undefined ? { reason: 'untagged' } : { reason: 'part', of: parent };
  }
}
