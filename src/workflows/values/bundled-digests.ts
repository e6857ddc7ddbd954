import type { Bundle } from '../../bundle/read.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import type { Digest } from '../../oci/digest.ts';

/** Returns the digest of each tagged target reference after a push. */
export function bundledDigests(source: Bundle, target: Target): ReadonlyMap<string, Digest> {
  const tagged = source.images().filter(({ reference }) => reference.digest === undefined);
  return new Map(
    tagged.map(({ reference, descriptor }) => [formatTargetReference(target, reference), descriptor.digest]),
  );
}
