import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference } from '../../oci/reference.ts';

/**
 * Returns references that a chart needs and a bundle lacks unexpectedly. Those that were excluded at bundling time, or
 * that their registries did not have, are reported with the reason and not returned.
 */
export function missingFromBundle(source: Bundle, references: readonly string[], emit: Emit): string[] {
  const bundled = new Set(source.images().map(({ reference }) => formatReference(reference)));
  const missing = references.filter((reference) => !bundled.has(reference));
  const selections = (source.inventory()?.choices ?? []).filter(({ rule }) => rule !== 'include');
  const leftOut = new Set<string>();
  for (const { rule, pattern, reason, references: excludedReferences } of selections) {
    const excluded = missing.filter((reference) => excludedReferences.includes(reference));
    for (const reference of excluded) leftOut.add(reference);
    if (excluded.length === 0) continue;
    const how = rule === 'dropped' ? 'not found in their registries' : `--${rule}${pattern ? ` ${pattern}` : ''}`;
    const why = reason === undefined ? how : `${how}, ${reason}`;
    emit({ type: 'warning', message: `left out of the bundle (${why}): ${excluded.join(', ')}` });
  }
  return missing.filter((reference) => !leftOut.has(reference));
}

/** Returns the digest of each tagged target reference after a push. */
export function bundledDigests(source: Bundle, target: Target): ReadonlyMap<string, Digest> {
  const tagged = source.images().filter(({ reference }) => reference.digest === undefined);
  return new Map(
    tagged.map(({ reference, descriptor }) => [formatTargetReference(target, reference), descriptor.digest]),
  );
}
