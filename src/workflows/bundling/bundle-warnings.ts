import type { Emit } from '../../base/events.ts';
import type { NetworkNeed } from '../../discovery/network/index.ts';
import type { Graph } from '../../oci/graph.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';

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

/** Layers that name addresses of their own, as those of Windows do: registries need not have them. */
export function tellForeign(emit: Emit, { blobs }: Pick<Graph, 'blobs'>): void {
  const foreign = [...blobs.values()].filter(({ descriptor: { urls = [] } }) => urls.length > 0);
  if (foreign.length === 0) return;
  const addresses = foreign.flatMap(({ descriptor: { urls = [] } }) => urls.filter((url) => URL.canParse(url)));
  const hosts = [...new Set(addresses.map((url) => new URL(url).host))].sort().join(', ');
  const message = `${foreign.length} foreign layers: what the registry does not have is fetched from ${hosts}, without credentials`;
  emit({ type: 'stage', message });
}
