import { AirgapError } from '../base/errors.ts';
import type { NestedChart } from '../discovery/nested/index.ts';
import type { NestedChartJob } from './nested.ts';

/** Name and version of a nested chart, for messages. */
export function chartTitle({ name, version }: NestedChart): string {
  return `${name} ${version}`.trim();
}

/** Name of the parent chart. */
export function parentName({ parents }: NestedChartJob): string {
  return parents.at(-1)?.metadata.name ?? '';
}

/** Error of a nested chart that could not be searched, with its parent chart and a hint. */
export function nestedFailure(job: NestedChartJob, error: unknown): AirgapError {
  if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
  const { nested } = job;
  const excludeHint = `--exclude '${nested.name}' skips the chart`;
  const isFetched = error.code === 'chart-render' || error.code === 'chart-invalid';
  const mirrorHint = `--chart-mirror '${nested.repository || '*'}=URL-or-FOLDER' reads it from another location`;
  const isForbidden = error.code === 'forbidden';
  const hint = isFetched || isForbidden ? [error.hint, excludeHint] : [mirrorHint, excludeHint];
  return new AirgapError(error.code, `${failureText(job)}: ${error.message}`, {
    hint: hint.filter((part) => part !== undefined).join('; '),
    cause: error,
  });
}

/** Error of a nested chart below the maximum depth. */
export function tooDeepFailure(job: NestedChartJob, depth: number): AirgapError {
  const chain = job.parents.map(({ metadata }) => metadata.name).join(' > ');
  return new AirgapError(
    'unsupported',
    `chart ${chartTitle(job.nested)} is nested deeper than ${depth} charts: ${chain}`,
    {
      hint: `pass it as a chart of its own, or skip it with --exclude '${job.nested.name}'`,
    },
  );
}

function failureText(job: NestedChartJob): string {
  const { nested } = job;
  const { kind, name } = nested.via;
  const from = nested.repository === '' ? '' : ` from ${nested.repository}`;
  return `nested chart ${chartTitle(nested)}${from}, declared by ${parentName(job)} (${kind}/${name}), could not be searched`;
}
