import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { formatTargetReference, isUnderTarget, type Target } from '../../naming/naming.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';

/**
 * Checks references that get the same private name. A bundle shows whether their content is identical; without one,
 * emits a warning, because push rejects different images under one name.
 * @throws AirgapError `collision` if their content in the bundle differs
 */
export function checkNameCollisions(target: Target, references: readonly string[], emit: Emit, bundle?: Bundle): void {
  const bundled = bundle?.images() ?? [];
  const digests = new Map(bundled.map(({ reference, descriptor }) => [formatReference(reference), descriptor.digest]));
  const parsed = references.map((name) => ({ name, reference: parseReference(name) }));
  const moved = parsed.filter(({ reference }) => !isUnderTarget(target, reference));
  for (const [name, group] of Map.groupBy(moved, ({ reference }) => formatTargetReference(target, reference))) {
    if (group.length < 2) continue;
    const names = group.map((item) => item.name).join(', ');
    const knownDigests = group.flatMap((item) => digests.get(item.name) ?? []);
    if (new Set(knownDigests).size > 1) {
      const message = `--naming ${target.naming} gives different images the same name ${name}: ${names}`;
      throw new AirgapError('collision', message, {
        hint: 'use --naming host-path, which keeps the source host in the name, or add a --naming-rule for one of them',
      });
    }
    if (knownDigests.length === group.length) continue;
    const message = `--naming ${target.naming} gives different references the same name ${name}: ${names}; push requires the same content`;
    emit({ type: 'warning', message });
  }
}
