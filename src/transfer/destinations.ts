import { AirgapError, combine, isRefusal } from '../base/errors.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import type { Sink } from '../oci/content.ts';
import { type Digest, encodedOf } from '../oci/digest.ts';
import type { Root } from '../oci/graph.ts';
import { formatReference, formatRepository, type Reference, type Repository } from '../oci/reference.ts';
import { throwIfAborted } from './wrap-error.ts';

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
 * @param reserved names that are not free, `REGISTRY/PATH:TAG`, with their roots; undefined for one that could not be read
 * @throws AirgapError `collision` naming the references that would get the same tag with different content
 */
export function destinationsFor(
  roots: readonly Root[],
  target: (source: Reference) => Reference,
  reserved: ReadonlyMap<string, Root | undefined> = new Map(),
): readonly Destination[] {
  const taken = new Map(reserved);
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
    // The tag of an image that could not be read must not become that of another one.
    const isUnread = (name: string): boolean => taken.has(name) && taken.get(name) === undefined;
    const name = `${formatRepository(repository)}:${tag}`;
    if (reference.digest !== undefined && (isUnread(name) || conflicting(tag))) tag = digestTag;
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

/** Handling of a target tag that has another digest: keep it, fail before anything is sent, or overwrite it. */
export type ExistingTag = 'skip' | 'error' | 'overwrite';

/** State of the target tag. */
export interface TagStatus {
  readonly destination: Destination;
  /**
   * `present`: the same digest. `unknown`: the registry did not answer. An incomplete image is `missing` although its tag
   * has the same digest.
   */
  readonly status: 'present' | 'missing' | 'different' | 'unknown';
  /** Digest of the tag in the target; absent when there is none or it is unknown. */
  readonly found?: Digest;
  /** Error of the request, when `unknown`. */
  readonly error?: unknown;
}

/**
 * Tags of a target that have just been read, by `REGISTRY/PATH:TAG`: the digest, undefined if there is no such tag, or the
 * error of the request.
 */
export type CheckedTags = ReadonlyMap<string, Digest | AirgapError | undefined>;

export interface TagCheckOptions {
  /** Paths of repositories that do not exist yet; no requests are sent for them. */
  readonly absent?: ReadonlySet<string>;
  /** Reports whether the target may lack content of a root whose tag it has. */
  readonly isIncomplete?: ((root: Root) => boolean) | undefined;
  readonly knownTags?: CheckedTags | undefined;
  readonly concurrency: number;
  readonly emit?: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Returns the status of every tag, in the order of the destinations. @throws AirgapError `interrupted` */
export async function checkTags(
  destinations: readonly Destination[],
  sink: Pick<Sink, 'hasManifest' | 'listTags'>,
  { absent, isIncomplete, knownTags, concurrency, signal, emit = ignoreEvents }: TagCheckOptions,
): Promise<readonly TagStatus[]> {
  if (destinations.length === 0) return [];
  const lists = new Map<string, Promise<ReadonlySet<string> | undefined>>();
  /** Artifactory and others answer 403 or 401 for missing tags; the tag list then tells whether the tag exists. */
  const isListed = async (repository: Repository, tag: string): Promise<boolean> => {
    const name = formatRepository(repository);
    const list = lists.get(name) ?? Promise.resolve(sink.listTags?.(repository)).catch(() => undefined);
    lists.set(name, list);
    return (await list)?.has(tag) ?? true;
  };
  const digestOf = async ({ repository, tag }: Destination): Promise<Digest | undefined> => {
    throwIfAborted(signal);
    const name = formatReference({ ...repository, tag });
    if (absent?.has(repository.path)) return undefined;
    if (knownTags?.has(name)) {
      const known = knownTags.get(name);
      if (known instanceof AirgapError) throw known;
      return known;
    }
    try {
      return await sink.hasManifest(repository, tag);
    } catch (error) {
      if (!isRefusal(error) || (await isListed(repository, tag))) throw error;
      return undefined;
    }
  };
  const hosts = [...new Set(destinations.map(({ repository }) => repository.registry))].join(', ');
  const outcomes = await runStep(
    emit,
    `checking tags in ${hosts}`,
    (advance) => settle(destinations, concurrency, (destination) => digestOf(destination).finally(advance)),
    destinations.length,
  );
  throwIfAborted(signal);
  return outcomes.map((outcome, index): TagStatus => {
    const destination = destinations[index] as Destination;
    if (!('value' in outcome)) return { destination, status: 'unknown', error: outcome.error };
    const { value: found } = outcome;
    if (found === undefined) return { destination, status: 'missing' };
    if (found !== destination.root.descriptor.digest) return { destination, found, status: 'different' };
    return { destination, found, status: isIncomplete?.(destination.root) ? 'missing' : 'present' };
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
  return new AirgapError('tag-conflict', 'the tag exists in the target with other content', {
    subject: formatReference(root.reference),
    step: name,
    detail: `digest ${found}; the bundle has ${digest}`,
    hint: 'overwrite it with --on-existing-tag overwrite, or keep it with --on-existing-tag skip',
  });
}
