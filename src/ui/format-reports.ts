import type { Aggregate } from '../workflows/aggregate.ts';
import type { FormatResult } from '../workflows/format-references.ts';
import { copiedReport } from './completion-report.ts';
import { count, lined } from './text.ts';

/**
 * Formats the proof of an umbrella chart and of the charts that it installs, without a final newline.
 * @param named include the profile, for charts that may have several
 */
export function aggregateReport({ profile, parts, copied, left, notInBundle }: Aggregate, named = false): string {
  const lines: string[] = [];
  for (const { chart, version, entry, proof } of parts) {
    const of = named ? `profile ${profile}` : '';
    const where = entry === '' ? of && ` (${of})` : ` (${[of, entry].filter(Boolean).join(', ')})`;
    lines.push(
      `${chart} ${version}${where}: ${proof.rewritten} of ${count(proof.references, 'reference')} private, proved by rendering`,
    );
    for (const { reference, template, path, written } of proof.residue) {
      const now = written === reference ? '' : ` has ${written}`;
      lines.push(`  unmapped, still public: ${reference}`, `    ${template} ${path}${now}`);
    }
  }
  lines.push(...copiedReport(copied));
  for (const what of left) lines.push(`  not redirected: ${what}`);
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return lined(lines);
}

/** Formats a summary of a list of references and of what the format cannot express. */
export function formatReport({ charts, references, left }: FormatResult): string {
  const from = charts.length === 0 ? '' : ` in ${charts.join(', ')}`;
  return lined([`${count(references, 'reference')}${from}`, ...left.map((what) => `  left out: ${what}`)]);
}
