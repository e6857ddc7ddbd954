import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import { Relations } from './content.ts';
import type { Kept } from './kept.ts';
import { type RepositorySource, readRepository } from './read-repository.ts';
import { type KeepRoots, type Staying, stayingContent } from './staying.ts';

/** A repository with what stays in it. */
export interface JudgedRepository {
  readonly relations: Relations;
  readonly staying: Staying;
}

/**
 * Reads a repository and decides what stays in it. Everything stays if it could not be read in full.
 * @throws AirgapError `interrupted`
 */
export async function judgeRepository(
  source: RepositorySource,
  repository: Repository,
  kept: Pick<Kept, 'rootsIn' | 'probesIn'>,
  now: Date,
): Promise<JudgedRepository> {
  const relations = new Relations(await readRepository(source, repository, kept.probesIn(repository)));
  return { relations, staying: stayingContent(relations, planRoots(relations, kept, now)) };
}

/** Milliseconds. A push uploads an image before its tag, so a new one without a tag may be part of a push. */
const FRESH = 24 * 3600 * 1000;

/** Returns what must stay in a repository, with what is not known well enough to go. */
function planRoots(relations: Relations, kept: Pick<Kept, 'rootsIn'>, now: Date): KeepRoots {
  const { repository, manifests, tags, listsUntagged, problem } = relations.content;
  const roots = kept.rootsIn(repository);
  if (problem !== undefined) {
    return {
      ...roots,
      tags: new Map([...tags.keys()].map((tag) => [tag, 'the repository could not be read in full'])),
    };
  }
  const digests = new Map<Digest, string>(roots.digests);
  for (const { digest, subject, pushed } of manifests.values()) {
    const isAlone = relations.tagsOf(digest).length === 0 && relations.parentsOf(digest).length === 0;
    if (!isAlone || (subject !== undefined && manifests.has(subject))) continue;
    if (!listsUntagged) digests.set(digest, 'without a tag, and the registry does not tell of what');
    else if (pushed === undefined || now.getTime() - Date.parse(pushed) < FRESH)
      digests.set(digest, 'pushed less than a day ago');
  }
  return { ...roots, digests };
}
