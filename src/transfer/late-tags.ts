import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import type { Sink } from '../oci/content.ts';
import { type Graph, ReferrerIndex, type Root } from '../oci/graph.ts';
import { formatReference, type Reference, type Repository } from '../oci/reference.ts';
import { type Referrer, referrerKey } from '../oci/referrer.ts';
import type { CopyOutcome, CopyResult } from './copy.ts';
import { throwIfAborted, wrapError } from './wrap-error.ts';

/** A referrer with its repository in the target. */
interface HandledReferrer {
  readonly referrer: Referrer;
  readonly repository: Repository;
}

/**
 * Tags that are written after the referrers of their images. If a run ends in between, these images have no tag in the
 * target, and the next run copies what is missing.
 */
export class LateTags {
  readonly #graph: Graph;
  /** Roots with referrers, by the reference of the root. */
  readonly #roots = new Map<Reference, { readonly root: Root; readonly referrers: readonly Referrer[] }>();

  constructor(graph: Graph) {
    this.#graph = graph;
    const index = new ReferrerIndex(graph);
    for (const root of graph.roots) {
      const referrers = index.transitive(root.reference, root.descriptor.digest);
      if (referrers.length > 0) this.#roots.set(root.reference, { root, referrers });
    }
  }

  /** Reports whether a copy has to push a root without its tag. */
  isLate = ({ reference }: Root): boolean => this.#roots.has(reference);

  /**
   * Writes the tags of the copied images whose referrers have been handled.
   * @param handled referrers that were pushed, were present, or are not accepted by the registry, with the repository in the
   *   target. Of equal ones from several source repositories, there is only one
   * @returns the outcomes and failures of the copy, with images whose tag could not be written among the failures
   * @throws AirgapError `interrupted`
   */
  async write(
    { outcomes, failures }: CopyResult,
    handled: readonly HandledReferrer[],
    sink: Pick<Sink, 'putManifest'>,
    { concurrency, emit, signal }: { readonly concurrency: number; readonly emit: Emit; readonly signal?: AbortSignal },
  ): Promise<Pick<CopyResult, 'outcomes' | 'failures'>> {
    const late = outcomes.filter(({ reference, status }) => status === 'pushed' && this.#roots.has(reference));
    if (late.length === 0) return { outcomes, failures };
    const keys = new Set(handled.map(({ referrer, repository }) => referrerKey({ ...referrer, repository })));
    const results = await runStep(
      emit,
      'writing the tags of signed images',
      (advance) =>
        settle(late, concurrency, (outcome) => this.#write(outcome, keys, sink, emit, signal).finally(advance)),
      late.length,
    );
    throwIfAborted(signal);
    const errors = new Map(
      late.flatMap((outcome, index) => {
        const result = results[index];
        return result !== undefined && 'error' in result ? [[outcome, result.error] as const] : [];
      }),
    );
    const failed = [...errors].map(([{ reference }, error]) => ({
      reference,
      error: wrapError(formatReference(reference), error),
    }));
    return {
      outcomes: outcomes.filter((outcome) => !errors.has(outcome)),
      failures: [...failures, ...failed],
    };
  }

  async #write(
    { reference, target }: CopyOutcome,
    handled: ReadonlySet<string>,
    sink: Pick<Sink, 'putManifest'>,
    emit: Emit,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    throwIfAborted(signal);
    const { root, referrers } = this.#roots.get(reference) as { root: Root; referrers: readonly Referrer[] };
    const { digest, size, mediaType } = root.descriptor;
    if (!referrers.every((referrer) => handled.has(referrerKey({ ...referrer, repository: target })))) {
      throw new AirgapError('registry', 'its signatures or attestations are incomplete, so its tag was not written', {
        hint: 'run the command again, or leave them out with --no-referrers',
      });
    }
    const { bytes } = this.#graph.manifests.get(digest) as { bytes: Uint8Array };
    await sink.putManifest(target, { descriptor: { mediaType, digest, size }, bytes }, target.tag);
    emit({ type: 'image', reference: formatReference(reference), digest });
  }
}
