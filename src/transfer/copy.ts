import type { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph } from '../oci/graph.ts';
import { formatReference, formatRepository, type Reference } from '../oci/reference.ts';
import { type Destination, destinationsFor } from './destinations.ts';
import { findRequiredBlobs, type RequiredBlobs, withRequiredBlobs } from './required-blobs.ts';
import { RootUploader } from './root-uploader.ts';
import type { ReadCoordinator } from './shared-source.ts';
import { assertNoTagConflicts, checkTags, type ExistingTag } from './tag-status.ts';
import { throwIfAborted, wrapError } from './wrap-error.ts';

export interface CopyOptions {
  /** Maps a source reference to its target repository. The result has a tag only if that differs from the source's. */
  readonly target: (source: Reference) => Reference;
  /** Blobs transferred at the same time. */
  readonly concurrency: number;
  /** Blobs that the source lacks and the sink must have. */
  readonly required?: RequiredBlobs;
  /** Handling of tags that have another digest. Default: `overwrite`. */
  readonly existing?: ExistingTag;
  /** Paths of target repositories that do not exist yet; no requests are sent for them. */
  readonly absent?: ReadonlySet<string>;
  /** Present when other copies read the same source at the same time. */
  readonly coordinator?: ReadCoordinator;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface CopyOutcome {
  readonly reference: Reference;
  /** Repository, tag and digest in the target. */
  readonly target: Reference;
  /** Digest that the target tag has now. */
  readonly digest: Digest;
  /** `present`: the tag already had this digest. `kept`: the tag has another digest and was not overwritten. */
  readonly status: 'pushed' | 'present' | 'kept';
}

export interface CopyFailure {
  readonly reference: Reference;
  /** Its message names the image and the failed step. */
  readonly error: AirgapError;
}

export interface CopyResult {
  /** One for each root that did not fail, in the order of the graph's roots. */
  readonly outcomes: readonly CopyOutcome[];
  readonly failures: readonly CopyFailure[];
  /** Number of blobs, each counted once for every target repository. */
  readonly blobs: { readonly stored: number; readonly mounted: number; readonly present: number };
  /** Bytes of the blobs that were uploaded. */
  readonly bytes: number;
}

/**
 * Copies everything in the graph from the source to the sink. A root whose tag already has its digest costs one
 * request. Each other blob is uploaded once and mounted into the other repositories that need it. Children are pushed
 * before parents, and tags last, so that every tag refers to complete content. A failing root does not stop the others.
 * @throws AirgapError before anything is sent: `collision`, `tag-conflict` if `existing` is `error`, and the errors of
 *   {@link findRequiredBlobs}; later only `interrupted`
 */
export async function copy(graph: Graph, source: Source, sink: Sink, options: CopyOptions): Promise<CopyResult> {
  const destinations = destinationsFor(graph.roots, options.target);
  const statuses = await checkTags(destinations, sink, options);
  const { existing = 'overwrite' } = options;
  if (existing === 'error') assertNoTagConflicts(statuses);
  const sentStatuses = new Set(existing === 'skip' ? ['missing'] : ['missing', 'different']);
  const pending = statuses.filter(({ status }) => sentStatuses.has(status)).map(({ destination }) => destination);
  const { required } = options;
  const mountSources = required && (await findRequiredBlobs(graph, pending, sink, required, options));
  const reader = required && mountSources ? withRequiredBlobs(source, mountSources, required.source) : source;
  const uploader = new RootUploader(graph, reader, sink, options, pending, mountSources);
  const errors = await uploader.run();
  throwIfAborted(options.signal);
  const outcomes: CopyOutcome[] = [];
  const failures: CopyFailure[] = [];
  for (const { destination, status: tagStatus, found, error: checkError } of statuses) {
    const { reference, descriptor } = destination.root;
    const index = pending.indexOf(destination);
    const error = index < 0 ? checkError : errors[index];
    if (error !== undefined) {
      failures.push({ reference, error: wrapError(formatReference(reference), error) });
      continue;
    }
    const digest = index < 0 && found !== undefined ? found : descriptor.digest;
    const target = { ...destination.repository, tag: destination.tag, digest };
    const status = index >= 0 ? 'pushed' : tagStatus === 'different' ? 'kept' : 'present';
    outcomes.push({ reference, target, digest, status });
  }
  const present = statuses.filter(({ status }) => status === 'present').map(({ destination }) => destination);
  const { counts, bytes } = uploader.blobs;
  return {
    outcomes,
    failures,
    blobs: { ...counts, present: counts.present + countPresentBlobs(graph, present, pending) },
    bytes,
  };
}

/** Counts blobs of present roots, each once per repository, without those that a pushed root uploads there as well. */
function countPresentBlobs(graph: Graph, present: readonly Destination[], sent: readonly Destination[]): number {
  const keys = (destinations: readonly Destination[]): Set<string> =>
    new Set(
      destinations.flatMap(({ root, repository }) =>
        closureOf(graph, root.descriptor.digest).blobs.map((digest) => `${formatRepository(repository)}@${digest}`),
      ),
    );
  const others = keys(sent);
  return [...keys(present)].filter((key) => !others.has(key)).length;
}
