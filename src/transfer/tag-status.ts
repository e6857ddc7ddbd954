import { AirgapError, combine, isRefusal } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import type { Destination } from './destinations.ts';
import { throwIfAborted } from './wrap-error.ts';

/** Handling of a target tag that has another digest: keep it, fail before anything is sent, or overwrite it. */
export type ExistingTag = 'skip' | 'error' | 'overwrite';

/** State of the target tag. */
export interface TagStatus {
  readonly destination: Destination;
  /** `present`: the same digest. `unknown`: the registry did not answer. */
  readonly status: 'present' | 'missing' | 'different' | 'unknown';
  /** Digest of the tag in the target; absent when it is missing or unknown. */
  readonly found?: Digest;
  /** Error of the request, when `unknown`. */
  readonly error?: unknown;
}

export interface TagCheckOptions {
  /** Paths of repositories that do not exist yet; no requests are sent for them. */
  readonly absent?: ReadonlySet<string>;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** Returns the status of every tag, in the order of the destinations. @throws AirgapError `interrupted` */
export async function checkTags(
  destinations: readonly Destination[],
  sink: Pick<Sink, 'hasManifest' | 'listTags'>,
  { absent, concurrency, signal }: TagCheckOptions,
): Promise<readonly TagStatus[]> {
  const lists = new Map<string, Promise<ReadonlySet<string> | undefined>>();
  /** Artifactory and others answer 403 or 401 for missing tags; the tag list then tells whether the tag exists. */
  const isListed = async (repository: Repository, tag: string): Promise<boolean> => {
    const name = formatRepository(repository);
    const list = lists.get(name) ?? Promise.resolve(sink.listTags?.(repository)).catch(() => undefined);
    lists.set(name, list);
    return (await list)?.has(tag) ?? true;
  };
  const outcomes = await settle(destinations, concurrency, async ({ repository, tag }) => {
    throwIfAborted(signal);
    if (absent?.has(repository.path)) return undefined;
    try {
      return await sink.hasManifest(repository, tag);
    } catch (error) {
      if (!isRefusal(error) || (await isListed(repository, tag))) throw error;
      return undefined;
    }
  });
  throwIfAborted(signal);
  return outcomes.map((outcome, index): TagStatus => {
    const destination = destinations[index] as Destination;
    if (!('value' in outcome)) return { destination, status: 'unknown', error: outcome.error };
    const { value: found } = outcome;
    if (found === undefined) return { destination, status: 'missing' };
    return { destination, found, status: found === destination.root.descriptor.digest ? 'present' : 'different' };
  });
}

/** Fails if any tag has another digest. @throws AirgapError `tag-conflict` naming every such tag */
export function assertNoTagConflicts(statuses: readonly TagStatus[]): void {
  const conflicts = statuses.filter(({ status }) => status === 'different').map(tagConflict);
  if (conflicts.length > 0)
    throw combine(conflicts, `${conflicts.length} tags exist in the target with different content`);
}

function tagConflict({ destination: { root, repository, tag }, found }: TagStatus): AirgapError {
  const name = formatReference({ ...repository, tag });
  const { digest } = root.descriptor;
  return new AirgapError(
    'tag-conflict',
    `${formatReference(root.reference)}: ${name} exists with digest ${found}; the bundle has ${digest}`,
    { hint: 'overwrite it with --on-existing-tag overwrite, or keep it with --on-existing-tag skip' },
  );
}
