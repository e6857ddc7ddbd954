import { count, firstOf } from '../base/count.ts';
import { AirgapError } from '../base/errors.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import { type Sink, type Source, withSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph } from '../oci/graph.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import type { Destination } from './destinations.ts';
import { throwIfAborted } from './wrap-error.ts';

/** Blobs that the source omits because the target already has them. */
export interface RequiredBlobs {
  /** Repositories of the sink that may have each blob, in addition to its destinations. */
  readonly repositories: ReadonlyMap<Digest, readonly Repository[]>;
  /** Reads blobs from the sink, for registries that refuse mounts. */
  readonly source: Source;
  /** Hint for the error about missing blobs. */
  readonly hint: string;
}

interface RequiredBlobsOptions {
  readonly concurrency: number;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

/**
 * Finds every required blob of the destinations in the sink: first in the destination repositories, then in the others
 * that may have it. Nothing is sent.
 * @returns by blob, a repository of the sink that has it
 * @throws AirgapError `several` with an `image-not-found` for each image that lacks blobs; errors of the sink;
 *   `interrupted`
 */
export async function findRequiredBlobs(
  graph: Graph,
  destinations: readonly Destination[],
  sink: Sink,
  required: RequiredBlobs,
  { concurrency, emit = ignoreEvents, signal }: RequiredBlobsOptions,
): Promise<ReadonlyMap<Digest, Repository>> {
  const candidates = new Map<Digest, Map<string, Repository>>();
  for (const { root, repository } of destinations) {
    for (const digest of closureOf(graph, root.descriptor.digest).blobs) {
      if (!required.repositories.has(digest)) continue;
      const repositories = candidates.get(digest) ?? new Map<string, Repository>();
      candidates.set(digest, repositories.set(formatRepository(repository), repository));
    }
  }
  for (const [digest, repositories] of candidates) {
    for (const other of required.repositories.get(digest) ?? []) repositories.set(formatRepository(other), other);
  }
  const find = async ([digest, repositories]: readonly [Digest, ReadonlyMap<string, Repository>]) => {
    throwIfAborted(signal);
    const descriptor = graph.blobs.get(digest)?.descriptor as Descriptor;
    return { digest, mountSource: await findMountSource(sink, descriptor, [...repositories.values()]) };
  };
  const answers = await runStep(
    emit,
    'finding the blobs that the delta omits in the target',
    (advance) => settle([...candidates], concurrency, (candidate) => find(candidate).finally(advance)),
    candidates.size,
  );
  throwIfAborted(signal);
  const mountSources = new Map<Digest, Repository>();
  for (const answer of answers) {
    if ('error' in answer) throw answer.error;
    if (answer.value.mountSource !== undefined) mountSources.set(answer.value.digest, answer.value.mountSource);
  }
  const missing = new Set([...candidates.keys()].filter((digest) => !mountSources.has(digest)));
  if (missing.size > 0) throw missingBlobsError(graph, destinations, missing, required.hint);
  return mountSources;
}

/** Returns the source with the required blobs added, which are read from the sink. */
export function withRequiredBlobs(
  source: Source,
  mountSources: ReadonlyMap<Digest, Repository>,
  target: Source,
): Source {
  return withSource(source, {
    blob: (repository, descriptor) => {
      const mountSource = mountSources.get(descriptor.digest);
      return mountSource === undefined ? source.blob(repository, descriptor) : target.blob(mountSource, descriptor);
    },
  });
}

/** Returns a repository that has the blob. Errors, such as for a deleted repository, count only if no other has it. */
async function findMountSource(
  sink: Sink,
  descriptor: Descriptor,
  repositories: readonly Repository[],
): Promise<Repository | undefined> {
  let failure: { readonly error: unknown } | undefined;
  for (const repository of repositories) {
    try {
      if (await sink.hasBlob(repository, descriptor)) return repository;
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
  return undefined;
}

/** Digests shown in a message, since there may be hundreds. */
const MAX_SHOWN = 3;

function missingBlobsError(
  graph: Graph,
  destinations: readonly Destination[],
  missing: ReadonlySet<Digest>,
  hint: string,
): AirgapError {
  const causes = destinations.flatMap(({ root, repository }) => {
    const digests = closureOf(graph, root.descriptor.digest).blobs.filter((digest) => missing.has(digest));
    if (digests.length === 0) return [];
    const list = firstOf(digests, MAX_SHOWN);
    const message = `${formatReference(root.reference)} needs ${count(digests.length, 'blob')} that ${formatRepository(repository)} lacks: ${list}`;
    return [new AirgapError('image-not-found', message, { hint })];
  });
  const message = `nothing was pushed: the bundle is a delta, and the target lacks ${count(missing.size, 'blob')} that it omits`;
  return new AirgapError('several', message, { causes });
}
