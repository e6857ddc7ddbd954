import { AirgapError, combine } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { NetworkNeed } from '../../discovery/network/index.ts';
import type { Graph } from '../../oci/graph.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import type { Unanswered } from '../../transfer/referrer-questions.ts';

/** Tags that point to something else tomorrow. */
const MOVING = /^(?:latest|main|master|edge|nightly|dev|develop|stable|canary|snapshot)$/i;

/** What a bundle cannot make right, told before it is carried away. */
export function warn(emit: Emit, network: readonly NetworkNeed[], references: readonly string[]): void {
  const moving = references.filter((text) => {
    const { tag, digest } = parseReference(text);
    return digest === undefined && tag !== undefined && MOVING.test(tag);
  });
  if (moving.length > 0) {
    const message = `tags that move, so that another run may carry other images: ${moving.join(', ')}`;
    emit({ type: 'warning', message });
  }
  if (network.length > 0) {
    const shown = network.slice(0, 3).map(({ url }) => url);
    const more = network.length > shown.length ? ` and ${network.length - shown.length} more` : '';
    const message = `workloads also fetch from the internet: ${shown.join(', ')}${more}; images --network says where`;
    emit({ type: 'warning', message });
  }
}

/** A signature of an index says nothing of the index that a choice of platforms made of it. */
export function warnLeftOut(emit: Emit, leftOut: readonly Referrer[]): void {
  if (leftOut.length === 0) return;
  const names = [...new Set(leftOut.map(({ repository, subject }) => `${formatRepository(repository)}@${subject}`))];
  const message = `signatures and the like of ${names.length} indexes are not pushed, because the choice of platforms made other indexes of them: ${names.join(', ')}; without --platform, or pinned by digest, an image keeps them`;
  emit({ type: 'warning', message });
}

/** Images of a registry that did not say all that it has of signatures and the like, and why. */
export interface UnansweredImages extends Pick<Unanswered, 'registry' | 'images'> {
  readonly reason: string;
}

/**
 * Tells what registries did not say of signatures and the like, a warning each that names the images.
 * @returns the same for the result; nothing where all is known
 * @throws AirgapError instead of the warnings where all of it is `required`: `several`, or what stopped the one registry
 */
export function tellUnanswered(
  emit: Emit,
  unanswered: readonly Unanswered[],
  required: boolean,
): { readonly unanswered?: readonly UnansweredImages[] } {
  const errors = unanswered.map(({ registry, images, error }) => {
    const count = images.length === 1 ? '1 image' : `${images.length} images`;
    const message = `signatures and other referrers of ${count} of ${registry} are not all known, and what is not known is not carried: ${images.join(', ')} (the first answer of that kind: ${error.message})`;
    const hint = error.hint ?? 'run it again, or leave signatures and the like out with --no-referrers';
    return new AirgapError(error.code, message, { hint, causes: error.causes, cause: error });
  });
  if (required && errors.length > 0) {
    throw combine(errors, `${errors.length} registries do not say all that they have of signatures and the like`);
  }
  for (const { message } of errors) {
    emit({ type: 'warning', message: `${message}; --require-referrers makes that an error` });
  }
  if (errors.length === 0) return {};
  return {
    unanswered: unanswered.map(({ registry, images, error }) => ({ registry, images, reason: error.message })),
  };
}

/** Layers that name addresses of their own, as those of Windows do: registries need not have them. */
export function tellForeign(emit: Emit, { blobs }: Pick<Graph, 'blobs'>): void {
  const foreign = [...blobs.values()].filter(({ descriptor: { urls = [] } }) => urls.length > 0);
  if (foreign.length === 0) return;
  const addresses = foreign.flatMap(({ descriptor: { urls = [] } }) => urls.filter((url) => URL.canParse(url)));
  const hosts = [...new Set(addresses.map((url) => new URL(url).host))].sort().join(', ');
  const message = `${foreign.length} foreign layers: what the registry does not have is fetched from ${hosts}, without credentials`;
  emit({ type: 'stage', message });
}
