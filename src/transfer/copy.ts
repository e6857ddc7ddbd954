import type { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { type Outcome, settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Graph } from '../oci/graph.ts';
import { formatReference, type Reference, type Repository } from '../oci/reference.ts';
import { checkAborted, failureOf } from './failure.ts';
import { Push } from './push.ts';
import { findRequired, type Required, withHomes } from './required.ts';
import { place } from './tags.ts';

export interface CopyOptions {
  /** Where a source repository's content goes. */
  readonly target: (repository: Repository) => Repository;
  /** Blobs moved at the same time. */
  readonly concurrency: number;
  /** What the source lacks, and the sink must have. */
  readonly required?: Required;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface CopyOutcome {
  readonly reference: Reference;
  /** The tag that was written, and the digest. */
  readonly target: Reference;
  readonly digest: Digest;
  /** `present`: the tag had this digest already, and nothing was sent. */
  readonly status: 'pushed' | 'present';
}

export interface CopyFailure {
  readonly reference: Reference;
  /** Its sentence names the image and the step. */
  readonly error: AirgapError;
}

export interface CopyResult {
  /** In the order of the graph's roots. */
  readonly outcomes: readonly CopyOutcome[];
  readonly failures: readonly CopyFailure[];
  /** Blobs, counted once for each target repository. */
  readonly blobs: { readonly stored: number; readonly mounted: number; readonly present: number };
  /** Bytes of the blobs that were stored. */
  readonly bytes: number;
}

/**
 * Copies everything in the graph from the source to the sink. A root whose tag is there with its digest costs one
 * question. Of the rest, every blob is sent once and mounted into the other repositories that need it, children go
 * before parents and tags last, so that whatever has a name is complete. One root that fails does not stop the others.
 * @throws AirgapError before anything is sent: `collision`, and what `findRequired` throws; `interrupted`
 */
export async function copy(graph: Graph, source: Source, sink: Sink, options: CopyOptions): Promise<CopyResult> {
  const placements = place(graph.roots, options.target);
  const present = await settle(placements, options.concurrency, async ({ root, repository, tag }) => {
    checkAborted(options.signal);
    return (await sink.hasManifest(repository, tag)) === root.descriptor.digest;
  });
  checkAborted(options.signal);
  const missing = placements.filter((_, at) => isMissing(present[at]));
  const { required } = options;
  const homes = required && (await findRequired(graph, missing, sink, required, options));
  const from = required && homes ? withHomes(source, homes, required.source) : source;
  const push = new Push(graph, from, sink, options, missing, homes);
  const ends = await push.run();
  checkAborted(options.signal);
  const outcomes: CopyOutcome[] = [];
  const failures: CopyFailure[] = [];
  for (const [at, placement] of placements.entries()) {
    const { reference, descriptor } = placement.root;
    const sent = missing.indexOf(placement);
    const error = sent < 0 ? present[at]?.error : ends[sent];
    if (error !== undefined) {
      failures.push({ reference, error: failureOf(formatReference(reference), error) });
      continue;
    }
    const target = { ...placement.repository, tag: placement.tag, digest: descriptor.digest };
    outcomes.push({ reference, target, digest: descriptor.digest, status: sent < 0 ? 'present' : 'pushed' });
  }
  return { outcomes, failures, blobs: push.blobs.counts, bytes: push.blobs.bytes };
}

function isMissing(outcome: Outcome<boolean> | undefined): boolean {
  return outcome !== undefined && 'value' in outcome && !outcome.value;
}
