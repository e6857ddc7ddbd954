import type { Emit } from '../../base/events.ts';
import { isUnderTarget, type Target, targetText } from '../../oci/naming.ts';
import { parseReference } from '../../oci/reference.ts';

/**
 * Warns of references that the naming gives one private name. Whether their content is the same is for push to see, which
 * refuses them if not; overrides alone cannot tell.
 */
export function warnOfSharedNames(target: Target, references: readonly string[], emit: Emit): void {
  const parsed = references.map((name) => ({ name, reference: parseReference(name) }));
  const moved = parsed.filter(({ reference }) => !isUnderTarget(target, reference));
  for (const [name, group] of Map.groupBy(moved, ({ reference }) => targetText(target, reference))) {
    if (group.length < 2) continue;
    const names = group.map((one) => one.name).join(', ');
    const message = `--naming ${target.naming} gives one name, ${name}, to ${names}; push refuses that, unless they are the same`;
    emit({ type: 'warning', message });
  }
}
