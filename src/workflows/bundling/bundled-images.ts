import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/read.ts';
import { formatReference } from '../../oci/reference.ts';

/**
 * Returns references that a chart needs and a bundle lacks unexpectedly. Those that were excluded at bundling time, or
 * that their registries did not have, are reported with the reason and not returned.
 */
export function notIn(source: Bundle, references: readonly string[], emit: Emit): string[] {
  const held = new Set(source.images().map(({ reference }) => formatReference(reference)));
  const missing = references.filter((reference) => !held.has(reference));
  const chosen = (source.lock()?.choices ?? []).filter(({ rule }) => rule !== 'include');
  const leftOut = new Set<string>();
  for (const { rule, pattern, reason, references: out } of chosen) {
    const own = missing.filter((reference) => out.includes(reference));
    for (const reference of own) leftOut.add(reference);
    if (own.length === 0) continue;
    const how = rule === 'dropped' ? 'not found in their registries' : `--${rule}${pattern ? ` ${pattern}` : ''}`;
    const why = reason === undefined ? how : `${how}, ${reason}`;
    emit({ type: 'warning', message: `left out of the bundle (${why}): ${own.join(', ')}` });
  }
  return missing.filter((reference) => !leftOut.has(reference));
}
