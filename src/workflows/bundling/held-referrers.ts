import type { Bundle } from '../../bundle/read.ts';
import type { Graph } from '../../oci/graph.ts';
import { type Referrer, referrersOf } from '../../oci/referrer.ts';

/** What belongs to the roots of a graph, by what a bundle lists. The graph has it once a walker is given it. */
export function heldFor({ manifests, roots }: Graph, bundle: Pick<Bundle, 'referrers'>): readonly Referrer[] {
  return referrersOf(
    { manifests, referrers: bundle.referrers() },
    roots.map(({ reference, descriptor }) => ({ repository: reference, digest: descriptor.digest })),
  );
}
