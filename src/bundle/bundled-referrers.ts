import { type Graph, referrersOf } from '../oci/graph.ts';
import type { Referrer } from '../oci/referrer.ts';
import type { Bundle } from './read.ts';

/** Returns the referrers that a bundle lists for the roots of a graph. They still have to be attached to the graph. */
export function bundledReferrers({ manifests, roots }: Graph, bundle: Pick<Bundle, 'referrers'>): readonly Referrer[] {
  return referrersOf(
    { manifests, referrers: bundle.referrers() },
    roots.map(({ reference, descriptor }) => ({ repository: reference, digest: descriptor.digest })),
  );
}
