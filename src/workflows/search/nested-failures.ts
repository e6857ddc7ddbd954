import { AirgapError } from '../../base/errors.ts';
import type { NestedChart } from '../../discovery/nested/index.ts';
import type { Wanted } from './nested.ts';

/** Name and version of a nested chart, for messages. */
export function titleOf({ name, version }: NestedChart): string {
  return `${name} ${version}`.trim();
}

/** Name of the parent chart. */
export function parentOf({ parents }: Wanted): string {
  return parents.at(-1)?.metadata.name ?? '';
}

/** Error of a nested chart that could not be searched, with its parent chart and a hint. */
export function failureOf(wanted: Wanted, error: unknown): AirgapError {
  if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
  const { nested } = wanted;
  const leaveOut = `--exclude '${nested.name}' skips the chart`;
  const isThere = error.code === 'chart-render' || error.code === 'chart-invalid';
  const elsewhere = `--chart-mirror '${nested.repository || '*'}=URL-or-FOLDER' reads it from another location`;
  const isForbidden = error.code === 'forbidden';
  const hint = isThere || isForbidden ? [error.hint, leaveOut] : [elsewhere, leaveOut];
  return new AirgapError(error.code, `${sentenceOf(wanted)}: ${error.message}`, {
    hint: hint.filter((part) => part !== undefined).join('; '),
    cause: error,
  });
}

/** Error of a nested chart below the maximum depth. */
export function tooDeep(wanted: Wanted, depth: number): AirgapError {
  const way = wanted.parents.map(({ metadata }) => metadata.name).join(' > ');
  return new AirgapError(
    'unsupported',
    `chart ${titleOf(wanted.nested)} is nested deeper than ${depth} charts: ${way}`,
    {
      hint: `pass it as a chart of its own, or skip it with --exclude '${wanted.nested.name}'`,
    },
  );
}

function sentenceOf(wanted: Wanted): string {
  const { nested } = wanted;
  const { kind, name } = nested.via;
  const from = nested.repository === '' ? '' : ` from ${nested.repository}`;
  return `nested chart ${titleOf(nested)}${from}, declared by ${parentOf(wanted)} (${kind}/${name}), could not be searched`;
}
