import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/read.ts';
import { formatReference } from '../../oci/reference.ts';

/**
 * References that a chart needs and a bundle does not hold. Those that somebody left out when it was made, and those that
 * their registries did not have then, are no surprise: they are told with the reason, and not among them.
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
    const how = rule === 'dropped' ? 'their registries did not have them' : `--${rule}${pattern ? ` ${pattern}` : ''}`;
    const why = reason === undefined ? how : `${how}, ${reason}`;
    emit({ type: 'warning', message: `left out of the bundle (${why}): ${own.join(', ')}` });
  }
  return missing.filter((reference) => !leftOut.has(reference));
}
