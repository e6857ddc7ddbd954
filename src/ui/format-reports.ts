import type { Aggregate } from '../workflows/aggregate.ts';
import type { FormatResult } from '../workflows/format-references.ts';
import { copiedReport } from './completion-report.ts';
import { count, lined } from './text.ts';

/** Reports beside formats, for stderr. Each gives text without a newline at its end. */

/**
 * What the proofs of a chart and of those that it installs found.
 * @param named whether the profile is said, since there may be several
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
      lines.push(`  still public: ${reference}`, `    ${template} ${path}${now}`);
    }
  }
  lines.push(...copiedReport(copied));
  for (const what of left) lines.push(`  not moved: ${what}`);
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return lined(lines);
}

/** What went into a list of references, and what it cannot say. */
export function formatReport({ charts, references, left }: FormatResult): string {
  const from = charts.length === 0 ? '' : ` of ${charts.join(', ')}`;
  return lined([`${count(references, 'reference')}${from}`, ...left.map((what) => `  left out: ${what}`)]);
}
