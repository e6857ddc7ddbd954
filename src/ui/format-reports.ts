import type { FormatResult } from '../workflows/format-references.ts';
import type { UmbrellaOverrides } from '../workflows/umbrella-chart.ts';
import { copiedValuesText } from './proof-details.ts';
import { count, joinLines } from './text.ts';

/**
 * Formats the proof of an umbrella chart and of the charts that it installs, without a final newline.
 * @param named include the profile, for charts that may have several
 */
export function umbrellaReport(
  { profile, proofs: parts, copied, left, notInBundle }: UmbrellaOverrides,
  showProfile = false,
): string {
  const lines: string[] = [];
  for (const { chart, version, entry, proof } of parts) {
    const of = showProfile ? `profile ${profile}` : '';
    const where = entry === '' ? of && ` (${of})` : ` (${[of, entry].filter(Boolean).join(', ')})`;
    lines.push(
      `${chart} ${version}${where}: ${proof.rewritten} of ${count(proof.references, 'reference')} private, proved by rendering`,
    );
    for (const { reference, template, path, written } of proof.residue) {
      const now = written === reference ? '' : ` has ${written}`;
      lines.push(`  unmapped, still public: ${reference}`, `    ${template} ${path}${now}`);
    }
  }
  lines.push(...copiedValuesText(copied));
  for (const what of left) lines.push(`  not redirected: ${what}`);
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return joinLines(lines);
}

/** Formats a summary of a list of references and of what the format cannot express. */
export function formatReport({ charts, references, left }: FormatResult): string {
  const from = charts.length === 0 ? '' : ` in ${charts.join(', ')}`;
  return joinLines([`${count(references, 'reference')}${from}`, ...left.map((what) => `  left out: ${what}`)]);
}
