import { count } from '../../base/count.ts';
import type { Emit } from '../../base/events.ts';
import type { RegistrySource, Sink, Source } from '../../oci/content.ts';
import { type Graph, referrersOf } from '../../oci/graph.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { referrersSubject } from '../../transfer/referrers/groups.ts';
import {
  pushReferrers,
  type ReferrerOutcome,
  type ReferrersPushOptions,
  type ReferrersPushResult,
} from '../../transfer/referrers/push.ts';
import { wrapError } from '../../transfer/wrap-error.ts';

/** Number of referrers by push status. */
export interface ReferrerCounts {
  readonly pushed: number;
  /** Already present in the target. */
  readonly present: number;
  /** Not pushed because cosign's tag has another digest in the target. */
  readonly kept: number;
  /** Not accepted by the registry. */
  readonly refused: number;
}

export interface PushReferrersOptions extends ReferrersPushOptions {
  /** Makes it an error if the registry does not accept a referrer. */
  readonly requireReferrers: boolean;
}

/**
 * Pushes the referrers of images and charts that are already in the target.
 * @returns outcomes, and errors of referrers that could not be pushed
 * @throws AirgapError `interrupted`
 */
export async function pushBundledReferrers(
  graph: Graph,
  images: readonly CopyOutcome[],
  source: Source,
  sink: Sink & RegistrySource,
  { requireReferrers, ...options }: PushReferrersOptions,
): Promise<ReferrersPushResult> {
  const all = referrersOf(
    graph,
    images.map(({ reference, digest }) => ({ repository: reference, digest })),
  );
  const { outcomes, failures } = await pushReferrers(graph, all, source, sink, options);
  const refused = outcomes.filter(({ status }) => status === 'refused');
  const unlisted = outcomes.filter(({ via }) => via === 'unlisted');
  if (requireReferrers) {
    // Referrers of one manifest may share an error.
    const errors = new Map(
      [...refused, ...unlisted].flatMap((outcome) => (outcome.error ? [[outcome.error, outcome]] : [])),
    );
    const named = [...errors].map(([error, { repository, referrer }]) =>
      wrapError(referrersSubject(repository, referrer.subject), error),
    );
    return { outcomes, failures: [...failures, ...named] };
  }
  warn(options.emit, refused, (referrers) => `the registry does not accept ${referrers}; the images were pushed`);
  warn(options.emit, unlisted, (referrers) => `the registry cannot list ${referrers} (available by digest only)`);
  return { outcomes, failures };
}

/** Counts referrers by status. */
export function countReferrers(outcomes: readonly ReferrerOutcome[]): ReferrerCounts {
  const countOf = (status: ReferrerOutcome['status']): number =>
    outcomes.filter((outcome) => outcome.status === status).length;
  return { pushed: countOf('pushed'), present: countOf('present'), kept: countOf('kept'), refused: countOf('refused') };
}

/** Maximum number of referrers in a warning. There may be thousands. */
const MAX_SHOWN = 5;

/** Emits one warning for all referrers with the same status. */
function warn(emit: Emit, outcomes: readonly ReferrerOutcome[], describe: (referrers: string) => string): void {
  if (outcomes.length === 0) return;
  const list = outcomes
    .slice(0, MAX_SHOWN)
    .map(({ referrer, error }) => `${referrerKind(referrer)} of ${referrer.subject} (${error?.message})`);
  const more = outcomes.length > MAX_SHOWN ? [`and ${outcomes.length - MAX_SHOWN} more`] : [];
  const message = `${describe(count(outcomes.length, 'referrer'))}: ${[...list, ...more].join('; ')}; --require-referrers turns this into an error`;
  emit({ type: 'warning', message });
}
