import { AirgapError } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph } from '../oci/graph.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import { checkAborted } from './failure.ts';
import type { Placement } from './tags.ts';

/** Blobs that a source lacks, because whoever it is for has them. */
export interface Required {
  /** Where each may be in the sink, beside the repositories that it is for. */
  readonly repositories: ReadonlyMap<Digest, readonly Repository[]>;
  /** Reads them out of the sink, for a registry that does not mount. */
  readonly source: Source;
  /** What to do when one is nowhere. */
  readonly hint: string;
}

/**
 * Asks the sink for every required blob that the placements need: first in the repositories that it is for, then in
 * those where it may be besides. Nothing is sent.
 * @returns by blob, a repository of the sink that has it
 * @throws AirgapError `several`, an `image-not-found` for each image of which blobs are nowhere; what the sink throws
 *   when it cannot be asked; `interrupted`
 */
export async function findRequired(
  graph: Graph,
  placements: readonly Placement[],
  sink: Sink,
  required: Required,
  { concurrency, signal }: { readonly concurrency: number; readonly signal?: AbortSignal },
): Promise<ReadonlyMap<Digest, Repository>> {
  const wanted = new Map<Digest, Map<string, Repository>>();
  for (const { root, repository } of placements) {
    for (const digest of closureOf(graph, root.descriptor.digest).blobs) {
      if (!required.repositories.has(digest)) continue;
      const places = wanted.get(digest) ?? new Map<string, Repository>();
      wanted.set(digest, places.set(formatRepository(repository), repository));
    }
  }
  for (const [digest, places] of wanted) {
    for (const other of required.repositories.get(digest) ?? []) places.set(formatRepository(other), other);
  }
  const answers = await settle([...wanted], concurrency, async ([digest, places]) => {
    checkAborted(signal);
    const descriptor = graph.blobs.get(digest)?.descriptor as Descriptor;
    return { digest, home: await homeOf(sink, descriptor, [...places.values()]) };
  });
  checkAborted(signal);
  const homes = new Map<Digest, Repository>();
  for (const answer of answers) {
    if ('error' in answer) throw answer.error;
    if (answer.value.home !== undefined) homes.set(answer.value.digest, answer.value.home);
  }
  const missing = new Set([...wanted.keys()].filter((digest) => !homes.has(digest)));
  if (missing.size > 0) throw missingOf(graph, placements, missing, required.hint);
  return homes;
}

/** The source together with what the sink has: each blob that has a home there is read from it. */
export function withHomes(source: Source, homes: ReadonlyMap<Digest, Repository>, target: Source): Source {
  return {
    manifest: (repository, tagOrDigest) => source.manifest(repository, tagOrDigest),
    blob: (repository, descriptor) => {
      const home = homes.get(descriptor.digest);
      return home === undefined ? source.blob(repository, descriptor) : target.blob(home, descriptor);
    },
  };
}

/** A repository that cannot be asked, such as one that no longer exists, matters only when no other has the blob. */
async function homeOf(
  sink: Sink,
  descriptor: Descriptor,
  places: readonly Repository[],
): Promise<Repository | undefined> {
  let refused: { readonly error: unknown } | undefined;
  for (const place of places) {
    try {
      if (await sink.hasBlob(place, descriptor)) return place;
    } catch (error) {
      refused ??= { error };
    }
  }
  if (refused !== undefined) throw refused.error;
  return undefined;
}

function blobs(n: number): string {
  return n === 1 ? '1 blob' : `${n} blobs`;
}

/** Digests in a sentence; there may be hundreds, and the first ones show what is the matter. */
const SHOWN = 3;

function missingOf(
  graph: Graph,
  placements: readonly Placement[],
  missing: ReadonlySet<Digest>,
  hint: string,
): AirgapError {
  const causes = placements.flatMap(({ root, repository }) => {
    const digests = closureOf(graph, root.descriptor.digest).blobs.filter((digest) => missing.has(digest));
    if (digests.length === 0) return [];
    const more = digests.length > SHOWN ? ` and ${digests.length - SHOWN} more` : '';
    const list = `${digests.slice(0, SHOWN).join(', ')}${more}`;
    const message = `${formatReference(root.reference)} needs ${blobs(digests.length)} that ${formatRepository(repository)} lacks: ${list}`;
    return [new AirgapError('image-not-found', message, { hint })];
  });
  const message = `nothing was sent: the bundle is a delta, and the target lacks ${blobs(missing.size)} that it leaves out`;
  return new AirgapError('several', message, { causes });
}
