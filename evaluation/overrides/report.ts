import { type Costs, median, medianCost, ratio } from '../cost.ts';
import { table } from '../page.ts';
import type { Judged } from './judge.ts';
import type { ProofBeyondOverrides } from './renders.ts';
import type { Contender } from './speed.ts';

/** Markdown tables of the figures, and a list of faults. */

const distinct = (references: readonly { readonly reference: string }[]): number =>
  new Set(references.map(({ reference }) => reference)).size;

/** Number of references that stay public besides a post-renderer or changed chart, reported or not. */
function publicWith({ unmapped }: Judged, proof: ProofBeyondOverrides | undefined): number {
  if (proof === undefined || proof.problem !== undefined) return distinct(unmapped);
  return new Set([...proof.unmapped, ...proof.left]).size;
}

/** Formats the verdicts of one Helm, chart by chart, with sums. */
export function chartsTable(judged: readonly Judged[]): string {
  const head = [
    'chart',
    'references',
    'rewritten',
    'unmapped',
    'with the post-renderer',
    'with a changed chart',
    'unreported',
    'other changes',
  ];
  const figures = (one: Judged): number[] => [
    one.references,
    one.rewritten,
    distinct(one.unmapped),
    publicWith(one, one.after),
    publicWith(one, one.changed),
    one.silent.length,
    one.changes.length,
    one.renders,
  ];
  const rows = judged.map((one) => [one.chart, ...figures(one), one.ratio.toFixed(1)]);
  const sums = judged.map(figures).reduce((all, each) => each.map((figure, index) => figure + (all[index] ?? 0)), []);
  const times = judged.length === 0 ? '' : `median ${median(judged.map((one) => one.ratio)).toFixed(1)}`;
  return table([...head, 'renders', 'wall time, to a bare render'], [...rows, ['**all**', ...sums, times]]);
}

/** Lists unmapped references with location and reason, one a line. */
export function unmappedList(judged: readonly Judged[]): string {
  const lines = judged.flatMap(({ chart, unmapped, after, changed }) =>
    unmapped.map(({ reference, template, line, because }) => {
      const why = because ?? 'no value found';
      const where = line === undefined ? `${template}: ${why}` : `${template}, line ${line}: hard-coded`;
      const [postRendered, repacked] = [after, changed].map((each) => outcomeOf(reference, each));
      return `* ${chart}: \`${reference}\` in ${where}; with the post-renderer: ${postRendered}; with a changed chart: ${repacked}.`;
    }),
  );
  return lines.length === 0 ? 'None.' : [...new Set(lines)].join('\n');
}

function outcomeOf(reference: string, proof: ProofBeyondOverrides | undefined): string {
  if (proof?.problem !== undefined) return 'failed';
  return proof?.unmapped.includes(reference) || proof?.left.includes(reference) ? 'public' : 'private';
}

/** Lists the faults of a chart with their locations. */
export function faults({ chart, unmapped, silent, changes, after, changed, problem }: Judged): string[] {
  const unexplained = unmapped.filter(({ line, isRefused }) => line === undefined && !isRefused);
  return [
    ...(problem === undefined ? [] : [`failed: ${problem}`]),
    ...(after?.problem === undefined ? [] : [`with the post-renderer: failed: ${after.problem}`]),
    ...(changed?.problem === undefined ? [] : [`with a changed chart: failed: ${changed.problem}`]),
    ...silent.map((reference) => `unreported: ${reference}`),
    ...unexplained.map(({ reference, template, path }) => `no value found: ${reference} at ${template} ${path}`),
    ...changes.map(({ template, path, before, after: now }) => {
      const [was, is] = [before, now].map((text) => (text ?? 'nothing').slice(0, 200));
      return `other change: ${template} ${path}: ${was} became ${is}`;
    }),
  ].map((text) => `${chart}: ${text}`);
}

const LABELS: Readonly<Record<Contender, string>> = {
  bare: '`helm template`',
  probing: '`airgap values` of the archive',
  stored: '`airgap values` from a bundle, with its recipe',
};

/** Formats medians, and ratios to bare Helm in the same round as median (min–max). */
export function speedTable(costs: Costs<Contender>, renders: Readonly<Record<Contender, number>>): string {
  const rows = Object.entries(LABELS).map(([name, label]) => {
    const mine = costs[name as Contender];
    const ratios = name === 'bare' ? ['', ''] : [ratio(mine, costs.bare, 'wall'), ratio(mine, costs.bare, 'cpu')];
    return [label, medianCost(mine, 'wall'), medianCost(mine, 'cpu'), renders[name as Contender], ...ratios];
  });
  const head = [
    '',
    'wall time, s',
    'processor time, s',
    'renders',
    'wall time, to bare Helm',
    'processor time, to bare Helm',
  ];
  return table(head, rows);
}
