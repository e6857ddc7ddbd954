import type { Cost } from '../bench/measure.ts';
import { median } from '../bench/report.ts';
import type { Judged } from './judge.ts';
import type { Otherwise } from './post-rendered.ts';
import type { Contender, Costs } from './speed.ts';

/** Markdown tables of the figures, and lines for people who look for what went wrong. */

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/** The first column is text, the others are figures. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(row)].join('\n');
}

const distinct = (references: readonly { readonly reference: string }[]): number =>
  new Set(references.map(({ reference }) => reference)).size;

/** How many references are public with more than overrides, named or not. */
function leftWith({ residue }: Judged, otherwise: Otherwise | undefined): number {
  if (otherwise === undefined || otherwise.problem !== undefined) return distinct(residue);
  return new Set([...otherwise.residue, ...otherwise.left]).size;
}

/** One Helm, chart by chart, and the sums. */
export function chartsTable(judged: readonly Judged[]): string {
  const head = [
    'chart',
    'references',
    'rewritten',
    'residue',
    'behind the post-renderer',
    'with a changed chart',
    'silent',
    'other changes',
  ];
  const figures = (one: Judged): number[] => [
    one.references,
    one.rewritten,
    distinct(one.residue),
    leftWith(one, one.after),
    leftWith(one, one.changed),
    one.silent.length,
    one.changes.length,
    one.renders,
  ];
  const rows = judged.map((one) => [one.chart, ...figures(one), one.ratio.toFixed(1)]);
  const sums = judged.map(figures).reduce((all, each) => each.map((figure, at) => figure + (all[at] ?? 0)), []);
  const ratio = judged.length === 0 ? '' : `median ${median(judged.map((one) => one.ratio)).toFixed(1)}`;
  return table([...head, 'renders', 'wall, to a bare render'], [...rows, ['**all**', ...sums, ratio]]);
}

/** Where each reference stands that no value reaches, and why none does; one a line. */
export function residueList(judged: readonly Judged[]): string {
  const lines = judged.flatMap(({ chart, residue, after, changed }) =>
    residue.map(({ reference, template, line, because }) => {
      const why = because ?? 'no value found';
      const where = line === undefined ? `${template}: ${why}` : `${template}, line ${line}: hard-coded`;
      const [behind, repacked] = [after, changed].map((each) => fateOf(reference, each));
      return `* ${chart}: \`${reference}\` in ${where}; behind the post-renderer: ${behind}; with a changed chart: ${repacked}.`;
    }),
  );
  return lines.length === 0 ? 'None.' : [...new Set(lines)].join('\n');
}

function fateOf(reference: string, otherwise: Otherwise | undefined): string {
  if (otherwise?.problem !== undefined) return 'failed';
  return otherwise?.residue.includes(reference) || otherwise?.left.includes(reference) ? 'still public' : 'moved';
}

/** What must not be, with its place; nothing for a chart without faults. */
export function faults({ chart, residue, silent, changes, after, changed, problem }: Judged): string[] {
  const beyond = residue.filter(({ line, isRefused }) => line === undefined && !isRefused);
  return [
    ...(problem === undefined ? [] : [`failed: ${problem}`]),
    ...(after?.problem === undefined ? [] : [`behind the post-renderer: failed: ${after.problem}`]),
    ...(changed?.problem === undefined ? [] : [`with a changed chart: failed: ${changed.problem}`]),
    ...silent.map((reference) => `silent: ${reference}`),
    ...beyond.map(({ reference, template, path }) => `no value found: ${reference} at ${template} ${path}`),
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

/** Medians, and the ratios to bare Helm in the same round as median (lowest–highest). */
export function speedTable(costs: Costs, renders: Readonly<Record<Contender, number>>): string {
  const ratio = (mine: readonly Cost[], key: 'wall' | 'cpu'): string => {
    const ratios = mine.map((cost, round) => cost[key] / (costs.bare[round] as Cost)[key]);
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
    return `**${median(ratios).toFixed(2)}** (${low}–${high})`;
  };
  const rows = Object.entries(LABELS).map(([name, label]) => {
    const mine = costs[name as Contender];
    const medians = (['wall', 'cpu'] as const).map((key) => median(mine.map((cost) => cost[key])).toFixed(2));
    const ratios = name === 'bare' ? ['', ''] : [ratio(mine, 'wall'), ratio(mine, 'cpu')];
    return [label, ...medians, renders[name as Contender], ...ratios];
  });
  const head = [
    '',
    'wall time, s',
    'processor time, s',
    'renders',
    'wall, to bare Helm',
    'processor time, to bare Helm',
  ];
  return table(head, rows);
}
