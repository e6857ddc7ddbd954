import type { Emit } from '../../base/events.ts';
import type { Sink, Source } from '../../oci/content.ts';
import type { Graph } from '../../oci/graph.ts';
import { referrerKind, referrersOf } from '../../oci/referrer.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import type { AskedSource } from '../../transfer/pinned.ts';
import {
  pushReferrers,
  type ReferrerOutcome,
  type ReferrersPushOptions,
  type ReferrersPushResult,
} from '../../transfer/referrers-push.ts';

/** How many signatures and whatever else belongs to images and charts went along. */
export interface Belonging {
  readonly pushed: number;
  /** That were there already. */
  readonly present: number;
  /** Whose tag has something else, which was left. */
  readonly kept: number;
  /** That the registry does not take. */
  readonly refused: number;
}

export interface BelongingOptions extends ReferrersPushOptions {
  /** Whether it is an error that the registry does not take one. */
  readonly requireReferrers: boolean;
}

/**
 * Pushes what belongs to the images and charts that are there by now.
 * @returns with the errors of what could not be pushed
 * @throws AirgapError `interrupted`
 */
export async function pushBelonging(
  graph: Graph,
  images: readonly CopyOutcome[],
  source: Source,
  sink: Sink & AskedSource,
  { requireReferrers, ...options }: BelongingOptions,
): Promise<ReferrersPushResult> {
  const all = referrersOf(
    graph,
    images.map(({ reference, digest }) => ({ repository: reference, digest })),
  );
  const { outcomes, failures } = await pushReferrers(graph, all, source, sink, options);
  const refused = outcomes.filter(({ status }) => status === 'refused');
  const unlisted = outcomes.filter(({ via }) => via === 'unlisted');
  if (requireReferrers) {
    const errors = [...refused, ...unlisted].flatMap(({ error = [] }) => error);
    return { outcomes, failures: [...failures, ...new Set(errors)] };
  }
  warn(options.emit, refused, 'the registry does not take them, and the images are there without');
  warn(options.emit, unlisted, 'they are there by their digests, and the registry cannot list them with their images');
  return { outcomes, failures };
}

/** How many had which end. */
export function countBelonging(outcomes: readonly ReferrerOutcome[]): Belonging {
  const of = (status: ReferrerOutcome['status']): number => outcomes.filter((one) => one.status === status).length;
  return { pushed: of('pushed'), present: of('present'), kept: of('kept'), refused: of('refused') };
}

/** Kinds and answers of one warning: there may be thousands, and the first ones show what is the matter. */
const SHOWN = 5;

/** One warning for all with the same end. ECR and others take some of what belongs to images, and not all. */
function warn(emit: Emit, outcomes: readonly ReferrerOutcome[], what: string): void {
  if (outcomes.length === 0) return;
  const list = outcomes
    .slice(0, SHOWN)
    .map(({ referrer, error }) => `${referrerKind(referrer)} of ${referrer.subject} (${error?.message})`);
  const more = outcomes.length > SHOWN ? [`and ${outcomes.length - SHOWN} more`] : [];
  const count =
    outcomes.length === 1
      ? '1 signature, attestation or other referrer'
      : `${outcomes.length} signatures, attestations or other referrers`;
  const message = `${count}: ${what}: ${[...list, ...more].join('; ')}; --require-referrers makes that an error`;
  emit({ type: 'warning', message });
}
