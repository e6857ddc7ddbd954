import type { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Sink, Source } from '../../oci/content.ts';
import type { Graph } from '../../oci/graph.ts';
import { referrerKind, referrersUnder, sortReferrers } from '../../oci/referrer.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import type { AskedSource } from '../../transfer/pinned.ts';
import { pushReferrers, type ReferrerRefusal, type ReferrersPushOptions } from '../../transfer/referrers-push.ts';

/** How many signatures and whatever else belongs to images and charts went along. */
export interface Belonging {
  readonly pushed: number;
  /** That were there already. */
  readonly present: number;
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
  outcomes: readonly CopyOutcome[],
  source: Source,
  sink: Sink & AskedSource,
  { requireReferrers, ...options }: BelongingOptions,
): Promise<Belonging & { readonly errors: readonly AirgapError[] }> {
  const all = outcomes.flatMap(({ reference, digest }) => referrersUnder(graph, reference, digest));
  const { pushed, present, refused, failures } = await pushReferrers(graph, sortReferrers(all), source, sink, options);
  const errors = requireReferrers ? [...failures, ...refused.map(({ error }) => error)] : failures;
  if (!requireReferrers) warnRefused(options.emit, refused);
  return { pushed, present, refused: refused.length, errors };
}

/** ECR and others take some of what belongs to images, and not all: the images are good without it. */
function warnRefused(emit: Emit, refused: readonly ReferrerRefusal[]): void {
  if (refused.length === 0) return;
  const list = refused.map(({ referrer, error }) => `${referrerKind(referrer)} (${error.message})`).join('; ');
  const message = `the registry does not take ${refused.length} of what belongs to images, which are there without it: ${list}; --require-referrers makes that an error`;
  emit({ type: 'warning', message });
}
