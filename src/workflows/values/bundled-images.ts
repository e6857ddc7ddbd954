import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference } from '../../oci/reference.ts';
import { type OnPurpose, ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { Context } from '../../session/context.ts';

/** Returns what the user decided about images, and what a bundle says about those that it lacks. */
export function decisionsFor(
  { env }: Context,
  { onPurpose = {}, target }: { readonly onPurpose?: OnPurpose | undefined; readonly target?: Target | undefined },
  source: Bundle | undefined,
): ReferenceDecisions {
  return new ReferenceDecisions(onPurpose, target, source?.inventory(), env.HELM_NAMESPACE || undefined);
}

/** Warns of entries of `--allow-images` by which nothing stays public. */
export function warnUnusedAllowed(emit: Emit, decisions: ReferenceDecisions): void {
  for (const { image, namespace } of decisions.unusedAllowed()) {
    const where = namespace === undefined ? '' : ` in ${namespace}`;
    emit({ type: 'warning', message: `--allow-images: ${image}${where} allows nothing any more: remove it` });
  }
}

/**
 * Returns references that a chart needs and a bundle lacks unexpectedly. Those that were excluded at bundling time, and are
 * included now, are reported with the reason and not returned; nor are images that do not exist.
 */
export function missingFromBundle(
  source: Bundle,
  references: readonly string[],
  decisions: ReferenceDecisions,
  emit: Emit,
): string[] {
  const bundled = new Set(source.images().map(({ reference }) => formatReference(reference)));
  const missing = references.filter(
    (reference) => !bundled.has(reference) && decisions.missing(reference) === undefined,
  );
  const leftOut = new Set<string>();
  for (const { rule, pattern, reason, references: excludedReferences } of source.inventory()?.choices ?? []) {
    if (rule === 'include') continue;
    const excluded = missing.filter((reference) => excludedReferences.includes(reference));
    for (const reference of excluded) leftOut.add(reference);
    if (excluded.length === 0) continue;
    const why = [`--${rule}${pattern ? ` ${pattern}` : ''}`, reason].filter(Boolean).join(', ');
    emit({ type: 'warning', message: `left out of the bundle (${why}): ${excluded.join(', ')}` });
  }
  return missing.filter((reference) => !leftOut.has(reference));
}

/**
 * Returns a sentence for each image that does not exist, unless the user accepts it.
 * @param references those that are needed; undefined for all images of the bundle
 */
export function missingFailures(decisions: ReferenceDecisions, references?: readonly string[]): string[] {
  const needed = references && new Set(references);
  return decisions
    .missingImages()
    .filter((reference) => needed?.has(reference) ?? true)
    .map((reference) => `${reference}: missing, ${decisions.missing(reference)?.why}`);
}

/** Returns the digest of each tagged target reference after a push. */
export function bundledDigests(source: Bundle, target: Target): ReadonlyMap<string, Digest> {
  const tagged = source.images().filter(({ reference }) => reference.digest === undefined);
  return new Map(
    tagged.map(({ reference, descriptor }) => [formatTargetReference(target, reference), descriptor.digest]),
  );
}
