import { count } from '../../base/count.ts';
import type { PushedGraph } from '../../workflows/push/push-graph.ts';
import { pushReport } from './push.ts';
import type { Report } from './report.ts';

/**
 * Formats what a mirror did to one target: a table of the tags that were written or kept, and a summary. Unchanged tags are
 * only counted, since most are unchanged when a mirror is kept up to date.
 */
export function mirrorReport(result: PushedGraph, showTarget: boolean): Report {
  return pushReport(result, showTarget, 'changed');
}

/** Formats the references that a mirror would copy, one a line, as `--images` reads them. */
export function listingReport(references: readonly string[], repositories: number): Report {
  const images = count(references.length, 'image');
  return { result: references, notes: [`${images} in ${count(repositories, 'repository', 'repositories')}`] };
}
