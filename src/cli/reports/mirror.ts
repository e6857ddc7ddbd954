import { count } from '../../base/count.ts';
import type { MirroredGraph, MirrorPlan, PlannedSettings } from '../../workflows/mirror/mirror.ts';
import { planReport, pushReport } from './push.ts';
import type { Block, Report } from './report.ts';
import { settingsLines, settingsPlanReport } from './repository-settings.ts';
import { joinLines } from './text.ts';

/**
 * Formats what a mirror did to one target: a table of the tags that were written or kept, and a summary. Unchanged tags are
 * only counted, since most are unchanged when a mirror is kept up to date.
 */
export function mirrorReport(result: MirroredGraph, showTarget: boolean): Report {
  const { result: blocks, notes } = pushReport(result, showTarget, 'changed');
  return { result: blocks, notes: [...notes, ...(result.settings ? [joinLines(settingsLines(result.settings))] : [])] };
}

/** Formats what a mirror would do to one target. */
export function mirrorPlanReport(plan: MirrorPlan, showTarget: boolean): readonly Block[] {
  return [...planReport(plan, showTarget), ...(plan.settings ? settingsPlanReport(plan.settings) : [])];
}

/** Formats the settings that a mirror would carry to each target. */
export function plannedSettingsReport(planned: readonly PlannedSettings[]): readonly Block[] {
  return planned.flatMap(({ target, settings }) => [`${target}:`, ...settingsPlanReport(settings)]);
}

/** Formats the references that a mirror would copy, one a line, as `--images` reads them. */
export function listingReport(references: readonly string[], repositories: number): Report {
  const images = count(references.length, 'image');
  return { result: references, notes: [`${images} in ${count(repositories, 'repository', 'repositories')}`] };
}
