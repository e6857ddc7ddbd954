import { count } from '../../base/count.ts';
import type { Overrides } from '../../workflows/values/values.ts';

/** Returns the lines of a proof report on operator settings, pull secrets and pinned digests. */
export function proofDetails({
  injected = [],
  withoutPullSecret,
  pullSecretUnknown = [],
  pins,
}: Overrides['proof']): string[] {
  const lines = injected.map(({ name, value }) => `  set for the operator: ${name} = ${value}`);
  for (const { kind, name, template } of withoutPullSecret ?? []) {
    lines.push(`  without the pull secret: ${kind}/${name}`, `    ${template}`);
  }
  if (withoutPullSecret?.length === 0) lines.push('  every pod of the chart has the pull secret');
  if (pullSecretUnknown.length > 0) lines.push('  pull secret unknown, in pods that the installed software creates:');
  for (const reference of pullSecretUnknown) lines.push(`    ${reference}`);
  if (pins !== undefined) lines.push(`  pinned: ${pins.pinned} of ${count(pins.pinnable, 'reference')}`);
  for (const { reference, template, path } of pins?.left ?? [])
    lines.push(`  not pinned: ${reference}`, `    ${template} ${path}`);
  return lines;
}

/** Returns a line that lists values copied whole from the user's values into the overrides. */
export function copiedValuesText(copied: readonly string[]): string[] {
  if (copied.length === 0) return [];
  return [`  copied whole from your values, including any secrets in them: ${copied.join(', ')}`];
}
