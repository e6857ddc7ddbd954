import type { Outcome } from './sweep.ts';

const VERDICTS = ['completed', 'recovered', 'bad'] as const;

/** A Markdown table: for each fault and direction how many cases there were, and how they ended. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = [...Map.groupBy(outcomes, ({ kind }) => kind.row)].flatMap(([row, of]) => [
    ...Map.groupBy(of, ({ direction }) => `${row} | ${direction}`),
  ]);
  const line = (name: string, of: readonly Outcome[]): string => {
    const counts = VERDICTS.map((verdict) => of.filter((outcome) => outcome.verdict === verdict).length);
    return `| ${name} | ${[of.length, ...counts].join(' | ')} |`;
  };
  return [
    '| fault | direction | cases | completed at once | failed, and completed at the second run | bad |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...rows.map(([name, of]) => line(name, of)),
    line('**all** | both', outcomes),
  ].join('\n');
}

/** One case in a line. */
export function describe({ direction, kind, step }: Pick<Outcome, 'direction' | 'kind' | 'step'>): string {
  return `${direction}, ${kind.row} (${kind.variant}), ${step}`;
}

/** What is wrong with a case, in lines, with what the tool said. */
export function complaint({ wrong, said }: Outcome): string {
  const words = said === '' ? [] : ['it said:', ...said.trimEnd().split('\n')];
  return [...wrong, ...words].map((text) => `    ${text}`).join('\n');
}
