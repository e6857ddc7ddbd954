import { count } from '../../base/count.ts';
import type { CarryingResult } from '../../workflows/values/carrying-charts.ts';
import { joinLines } from './text.ts';
import { proofReport } from './values.ts';

/**
 * Formats the proof of a chart that carries its overrides, without a final newline.
 * @param file path of the archive
 * @param showProfiles name the profiles, for charts that may have several
 */
export function carryingReport(result: CarryingResult, file: string, showProfiles = false): string {
  const { profiles, overrides, changes, rewritten, needsValues, withValues } = result;
  const changedChart = { name: file, archive: result.archive, changes };
  const proof = proofReport(
    {
      ...result,
      ...{ profile: profiles.join(', '), yaml: '', copied: [] },
      ...(changes.length > 0 && { changedChart }),
    },
    showProfiles,
  );
  const how = [...(needsValues === undefined ? ['without values'] : []), ...(withValues ? ['with yours'] : [])];
  const details = joinLines([
    `  the changed chart was rendered ${how.join(' and ')}; ${count(leaves(overrides), 'new default')}`,
    ...(needsValues === undefined ? [] : [`  it cannot be installed without values: ${needsValues}`]),
    ...(rewritten === undefined ? [] : [`  values.yaml was written anew, without its comments: ${rewritten}`]),
  ]);
  return `${proof}\n${details}`;
}

/** Counts the values in a tree; a list is one. */
function leaves(value: unknown): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 1;
  return Object.values(value).reduce<number>((sum, child) => sum + leaves(child), 0);
}
