import type { Overrides } from '../workflows/values.ts';
import { count } from './text.ts';

/** What operators are told, and what came of pull secret and digests, as lines of the proof's report. */
export function completionReport({
  injected = [],
  withoutPullSecret,
  pullSecretUnknown = [],
  pins,
}: Overrides['proof']): string[] {
  const lines = injected.map(({ name, value }) => `  operator told: ${name} is ${value}`);
  for (const { kind, name, template } of withoutPullSecret ?? []) {
    lines.push(`  without the pull secret: ${kind}/${name}`, `    ${template}`);
  }
  if (withoutPullSecret?.length === 0) lines.push('  every pod of the chart has the pull secret');
  if (pullSecretUnknown.length > 0) lines.push('  not known to have it, in pods that the installed software makes:');
  for (const reference of pullSecretUnknown) lines.push(`    ${reference}`);
  if (pins !== undefined) lines.push(`  pinned: ${pins.pinned} of ${count(pins.pinnable, 'reference')}`);
  for (const { reference, template, path } of pins?.left ?? [])
    lines.push(`  not pinned: ${reference}`, `    ${template} ${path}`);
  return lines;
}

/** What of the user's values stands in overrides whole. */
export function copiedReport(copied: readonly string[]): string[] {
  if (copied.length === 0) return [];
  return [`  taken over whole from your values, with any secret in them: ${copied.join(', ')}`];
}
