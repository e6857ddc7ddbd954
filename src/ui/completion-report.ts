import type { Overrides } from '../workflows/values.ts';
import { count } from './text.ts';

/** What came of pull secret and digests, as lines of the proof's report; nothing when neither was asked for. */
export function completionReport({ withoutPullSecret, pins }: Overrides['proof']): string[] {
  const lines: string[] = [];
  for (const { kind, name, template } of withoutPullSecret ?? []) {
    lines.push(`  without the pull secret: ${kind}/${name}`, `    ${template}`);
  }
  if (withoutPullSecret?.length === 0) lines.push('  every pod has the pull secret');
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
