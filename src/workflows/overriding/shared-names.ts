import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/read.ts';
import { isUnderTarget, type Target, targetText } from '../../oci/naming.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';

/**
 * Checks references that the naming gives one private name. Whether their content is the same a bundle knows; without one
 * they are warned of, since push is going to refuse them if it is not.
 * @throws AirgapError `collision` for those that have different content in the bundle
 */
export function checkSharedNames(target: Target, references: readonly string[], emit: Emit, bundle?: Bundle): void {
  const held = bundle?.images() ?? [];
  const digests = new Map(held.map(({ reference, descriptor }) => [formatReference(reference), descriptor.digest]));
  const parsed = references.map((name) => ({ name, reference: parseReference(name) }));
  const moved = parsed.filter(({ reference }) => !isUnderTarget(target, reference));
  for (const [name, group] of Map.groupBy(moved, ({ reference }) => targetText(target, reference))) {
    if (group.length < 2) continue;
    const names = group.map((one) => one.name).join(', ');
    const known = group.flatMap((one) => digests.get(one.name) ?? []);
    if (new Set(known).size > 1) {
      const message = `--naming ${target.naming} gives one name, ${name}, to different images: ${names}`;
      throw new AirgapError('collision', message, {
        hint: 'use --naming host-path, which keeps the source host in the name, or a --naming-rule for one of them',
      });
    }
    if (known.length === group.length) continue;
    const message = `--naming ${target.naming} gives one name, ${name}, to ${names}; push refuses that, unless they are the same`;
    emit({ type: 'warning', message });
  }
}
