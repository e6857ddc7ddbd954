import type { Outcome } from './sweep.ts';

const VERDICTS = ['completed', 'recovered', 'bad'] as const;

/** Formats a Markdown table: number of cases and verdicts for each fault and direction. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = [...Map.groupBy(outcomes, ({ kind }) => kind.row)].flatMap(([row, of]) => [
    ...Map.groupBy(of, ({ direction }) => `${row} | ${direction}`),
  ]);
  const line = (name: string, of: readonly Outcome[]): string => {
    const counts = VERDICTS.map((verdict) => of.filter((outcome) => outcome.verdict === verdict).length);
    return `| ${name} | ${[of.length, ...counts].join(' | ')} |`;
  };
  return [
    '| fault | direction | cases | completed at once | failed, completed by the second run | bad |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...rows.map(([name, of]) => line(name, of)),
    line('**all** | both', outcomes),
  ].join('\n');
}

/** Describes a case in one line. */
export function describe({ direction, kind, step }: Pick<Outcome, 'direction' | 'kind' | 'step'>): string {
  return `${direction}, ${kind.row} (${kind.variant}), ${step}`;
}

/** Lists what is wrong with a case, with the output of the plugin. */
export function complaint({ wrong, output }: Outcome): string {
  const printed = output === '' ? [] : ['output:', ...output.trimEnd().split('\n')];
  return [...wrong, ...printed].map((text) => `    ${text}`).join('\n');
}
