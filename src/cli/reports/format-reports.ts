import { count } from '../../base/count.ts';
import type { FormatResult } from '../../workflows/values/format-references.ts';
import type { UmbrellaOverrides } from '../../workflows/values/umbrella-chart.ts';
import { copiedValuesText } from './proof-details.ts';
import { joinLines } from './text.ts';

/**
 * Formats the proof of an umbrella chart and of the charts that it installs, without a final newline.
 * @param showProfile include the profile, for charts that may have several
 */
export function umbrellaReport(
  { profile, proofs, copied, left, notInBundle }: UmbrellaOverrides,
  showProfile = false,
): string {
  const lines: string[] = [];
  for (const { chart, version, entry, proof } of proofs) {
    const details = [showProfile ? `profile ${profile}` : '', entry].filter((text) => text !== '');
    const detailText = details.length === 0 ? '' : ` (${details.join(', ')})`;
    lines.push(
      `${chart} ${version}${detailText}: ${proof.rewritten} of ${count(proof.references, 'reference')} private, proved by rendering`,
    );
    for (const { reference, template, path, written } of proof.residue) {
      const current = written === reference ? '' : ` has ${written}`;
      lines.push(`  unmapped, still public: ${reference}`, `    ${template} ${path}${current}`);
    }
  }
  lines.push(...copiedValuesText(copied));
  for (const reason of left) lines.push(`  not redirected: ${reason}`);
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return joinLines(lines);
}

/** Formats a summary of a list of references and of what the format cannot express. */
export function formatReport({ charts, references, left }: FormatResult): string {
  const from = charts.length === 0 ? '' : ` in ${charts.join(', ')}`;
  return joinLines([`${count(references, 'reference')}${from}`, ...left.map((reason) => `  left out: ${reason}`)]);
}
