import type { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph } from '../oci/graph.ts';
import { formatReference, formatRepository, type Reference } from '../oci/reference.ts';
import { checkAborted, failureOf } from './failure.ts';
import { Push } from './push.ts';
import { findRequired, type Required, withHomes } from './required.ts';
import type { Turns } from './shared-source.ts';
import { type ExistingTag, refuseDifferent, survey } from './survey.ts';
import { type Placement, place } from './tags.ts';

export interface CopyOptions {
  /** Maps a source reference to its target repository. The result has a tag only if that differs from the source's. */
  readonly target: (source: Reference) => Reference;
  /** Blobs transferred at the same time. */
  readonly concurrency: number;
  /** Blobs that the source lacks and the sink must have. */
  readonly required?: Required;
  /** Handling of tags that have another digest. Default: `overwrite`. */
  readonly existing?: ExistingTag;
  /** Paths of target repositories that do not exist yet; no requests are sent for them. */
  readonly absent?: ReadonlySet<string>;
  /** Present when other copies read the same source at the same time. */
  readonly turns?: Turns;
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
  const placements = place(graph.roots, options.target);
  const surveyed = await survey(placements, sink, options);
  const { existing = 'overwrite' } = options;
  if (existing === 'error') refuseDifferent(surveyed);
  const isSent = new Set(existing === 'skip' ? ['missing'] : ['missing', 'different']);
  const missing = surveyed.filter(({ standing }) => isSent.has(standing)).map(({ placement }) => placement);
  const { required } = options;
  const homes = required && (await findRequired(graph, missing, sink, required, options));
  const from = required && homes ? withHomes(source, homes, required.source) : source;
  const push = new Push(graph, from, sink, options, missing, homes);
  const ends = await push.run();
  checkAborted(options.signal);
  const outcomes: CopyOutcome[] = [];
  const failures: CopyFailure[] = [];
  for (const { placement, standing: tagStatus, found, error: unknown } of surveyed) {
    const { reference, descriptor } = placement.root;
    const at = missing.indexOf(placement);
    const error = at < 0 ? unknown : ends[at];
    if (error !== undefined) {
      failures.push({ reference, error: failureOf(formatReference(reference), error) });
      continue;
    }
    const digest = at < 0 && found !== undefined ? found : descriptor.digest;
    const target = { ...placement.repository, tag: placement.tag, digest };
    const status = at >= 0 ? 'pushed' : tagStatus === 'different' ? 'kept' : 'present';
    outcomes.push({ reference, target, digest, status });
  }
  const there = surveyed.filter(({ standing }) => standing === 'present').map(({ placement }) => placement);
  const { counts, bytes } = push.blobs;
  return { outcomes, failures, blobs: { ...counts, present: counts.present + blobsOf(graph, there, missing) }, bytes };
}

/** Counts blobs of present roots, each once per repository, without those that a pushed root uploads there as well. */
function blobsOf(graph: Graph, there: readonly Placement[], sent: readonly Placement[]): number {
  const keys = (placements: readonly Placement[]): Set<string> =>
    new Set(
      placements.flatMap(({ root, repository }) =>
        closureOf(graph, root.descriptor.digest).blobs.map((digest) => `${formatRepository(repository)}@${digest}`),
      ),
    );
  const others = keys(sent);
  return [...keys(there)].filter((key) => !others.has(key)).length;
}
