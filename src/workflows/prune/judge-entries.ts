import type { PruneEntry } from '../../inventory/prune-list.ts';
import type { Relations } from './content.ts';
import { type KeepRoots, type Staying, stayingContent } from './staying.ts';

/** What to do with an entry of a list, after its repository was read anew. */
export interface JudgedEntry {
  readonly entry: PruneEntry;
  /** `manifest`: delete it with its tags. `tag`: delete the tag alone. */
  readonly action: 'manifest' | 'tag' | 'gone' | 'left';
  /** Why it is left. */
  readonly why?: string;
}

/**
 * Decides what of a list may go. Everything in the repository that is not listed stays, with all that it reaches: a tag that was
 * added or moved, a new signature, a line that a person deleted from the list.
 * @param kept what has to stay besides
 */
export function judgeEntries(
  relations: Relations,
  entries: readonly PruneEntry[],
  kept: KeepRoots,
): { readonly judged: readonly JudgedEntry[]; readonly staying: Staying } {
  const { tags, manifests, problem } = relations.content;
  if (problem !== undefined) {
    const why = `the repository could not be read in full: ${problem.message}`;
    return { judged: entries.map((entry) => ({ entry, action: 'left', why })), staying: NOTHING };
  }
  const hasMoved = ({ tag, digest }: PruneEntry): boolean => tag !== undefined && (tags.get(tag) ?? digest) !== digest;
  const listed = entries.filter((entry) => !hasMoved(entry));
  const listedTags = new Set(listed.flatMap(({ tag }) => tag ?? []));
  const listedDigests = new Set(listed.flatMap(({ reason, digest }) => (reason === 'tag-only' ? [] : [digest])));
  const roots: KeepRoots = {
    tags: new Map([
      ...[...tags.keys()]
        .filter((tag) => !listedTags.has(tag))
        .map((tag) => [tag, `the tag ${tag} is not listed`] as const),
      ...kept.tags,
    ]),
    digests: new Map([
      ...[...manifests.keys()]
        .filter((digest) => !listedDigests.has(digest))
        .map((digest) => [digest, `${digest} is not listed`] as const),
      ...kept.digests,
    ]),
    needed: kept.needed,
  };
  const staying = stayingContent(relations, roots);
  const judge = (entry: PruneEntry): JudgedEntry => {
    const { tag } = entry;
    const digest = entry.digest;
    const left = (why: string): JudgedEntry => ({ entry, action: 'left', why });
    if (hasMoved(entry)) return left(`the tag has other content now: ${tags.get(tag ?? '')}`);
    const hasTag = tag !== undefined && tags.has(tag);
    if (!hasTag && (!manifests.has(digest) || entry.reason === 'tag-only')) return { entry, action: 'gone' };
    const tagWhy = tag === undefined ? undefined : staying.tags.get(tag);
    if (hasTag && tagWhy !== undefined) return left(tagWhy);
    const why = staying.digests.get(digest);
    if (why === undefined) return { entry, action: 'manifest' };
    return hasTag ? { entry, action: 'tag' } : left(why);
  };
  return { judged: entries.map(judge), staying };
}

const NOTHING: Staying = { tags: new Map(), digests: new Map() };
