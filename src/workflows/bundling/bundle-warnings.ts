import type { Emit } from '../../base/events.ts';
import type { NetworkNeed } from '../../discovery/network/index.ts';
import { parseReference } from '../../oci/reference.ts';

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
