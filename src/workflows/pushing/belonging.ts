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
  if (!requireReferrers) warnRefused(options.emit, refused);
  return {
    outcomes,
    failures: requireReferrers ? [...failures, ...refused.flatMap(({ error = [] }) => error)] : failures,
  };
}

/** How many had which end. */
export function countBelonging(outcomes: readonly ReferrerOutcome[]): Belonging {
  const of = (status: ReferrerOutcome['status']): number => outcomes.filter((one) => one.status === status).length;
  return { pushed: of('pushed'), present: of('present'), kept: of('kept'), refused: of('refused') };
}

/** ECR and others take some of what belongs to images, and not all: the images are good without it. */
function warnRefused(emit: Emit, refused: readonly ReferrerOutcome[]): void {
  if (refused.length === 0) return;
  const list = refused.map(({ referrer, error }) => `${referrerKind(referrer)} (${error?.message})`).join('; ');
  const message = `the registry does not take ${refused.length} of what belongs to images, which are there without it: ${list}; --require-referrers makes that an error`;
  emit({ type: 'warning', message });
}
