import { AirgapError, combine, isRefusal } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import { checkAborted } from './failure.ts';
import type { Placement } from './tags.ts';

/** What to do about a tag with another digest: leave it, refuse before anything is sent, or write over it. */
export type ExistingTag = 'skip' | 'error' | 'overwrite';

/** What stands under a placement's tag. */
export interface Surveyed {
  readonly placement: Placement;
  /** The very same, nothing, something else, or no answer. */
  readonly standing: 'present' | 'missing' | 'different' | 'unknown';
  /** What is there. */
  readonly found?: Digest;
  /** Why there was no answer. */
  readonly error?: unknown;
}

export interface SurveyOptions {
  /** Paths of repositories that have nothing yet: nothing is asked of them. */
  readonly absent?: ReadonlySet<string>;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** Asks for every tag; in the order of the placements. @throws AirgapError `interrupted` */
export async function survey(
  placements: readonly Placement[],
  sink: Pick<Sink, 'hasManifest' | 'listTags'>,
  { absent, concurrency, signal }: SurveyOptions,
): Promise<readonly Surveyed[]> {
  const lists = new Map<string, Promise<ReadonlySet<string> | undefined>>();
  /** Artifactory and others answer 403 or 401 for what is not there. Then the list of tags says whether it is. */
  const isListed = async (repository: Repository, tag: string): Promise<boolean> => {
    const name = formatRepository(repository);
    const list = lists.get(name) ?? Promise.resolve(sink.listTags?.(repository)).catch(() => undefined);
    lists.set(name, list);
    return (await list)?.has(tag) ?? true;
  };
  const outcomes = await settle(placements, concurrency, async ({ repository, tag }) => {
    checkAborted(signal);
    if (absent?.has(repository.path)) return undefined;
    try {
      return await sink.hasManifest(repository, tag);
    } catch (error) {
      if (!isRefusal(error) || (await isListed(repository, tag))) throw error;
      return undefined;
    }
  });
  checkAborted(signal);
  return outcomes.map((outcome, at): Surveyed => {
    const placement = placements[at] as Placement;
    if (!('value' in outcome)) return { placement, standing: 'unknown', error: outcome.error };
    const { value: found } = outcome;
    if (found === undefined) return { placement, standing: 'missing' };
    return { placement, found, standing: found === placement.root.descriptor.digest ? 'present' : 'different' };
  });
}

/** @throws AirgapError `tag-conflict` that names every tag with another digest */
export function refuseDifferent(surveyed: readonly Surveyed[]): void {
  const conflicts = surveyed.filter(({ standing }) => standing === 'different').map(tagConflict);
  if (conflicts.length > 0) throw combine(conflicts, `${conflicts.length} tags are there with other content`);
}

function tagConflict({ placement: { root, repository, tag }, found }: Surveyed): AirgapError {
  const name = formatReference({ ...repository, tag });
  const { digest } = root.descriptor;
  return new AirgapError(
    'tag-conflict',
    `${formatReference(root.reference)}: ${name} is there with ${found}, and the bundle has ${digest}`,
    { hint: 'write over it with --on-existing-tag overwrite, or leave it with --on-existing-tag skip' },
  );
}
