import type { Cost } from '../bench/measure.ts';
import { median } from '../bench/report.ts';
import type { Found } from './found.ts';
import { type Kind, type Score, type Total, totalOf } from './score.ts';
import type { Contender, Costs } from './speed.ts';

/** Markdown tables of the figures, and lines for people who look for what went wrong. */

const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/** The first column is text, the others are figures. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;

/** `found/all`, and nothing where there is nothing to find. */
function share({ wanted, missed }: Score[Kind]): string {
  return wanted.length === 0 ? '' : `${wanted.length - missed.length}/${wanted.length}`;
}

/** Recall and precision of each search over all charts. */
export function totalsTable(searches: Readonly<Record<string, readonly Score[]>>): string {
  const head = ['', 'images found', 'recall', 'invented', 'precision', 'traps taken', 'operator rows', 'child charts'];
  const found = ({ found, wanted }: Total[Kind]): string => `${found}/${wanted}`;
  const rows = Object.entries(searches).map(([name, scores]) => {
    const { own, operator, child, invented, traps, recall, precision } = totalOf(scores);
    const ratios = [found(own), percent(recall), invented, percent(precision)];
    return [name, ...ratios, traps, found(operator), found(child)];
  });
  return table(head, rows);
}

/** One search, chart by chart. */
export function chartsTable(scores: readonly Score[]): string {
  const head = ['chart', 'images', 'found', 'missed', 'invented', 'traps taken', 'operator rows', 'child charts'];
  const rows = scores.map(({ chart, own, operator, child, invented, traps }) => {
    const [wanted, missed] = [own.wanted.length, own.missed.length];
    const figures = [wanted, wanted - missed, missed, invented.length, traps.length];
    return [chart, ...figures, share(operator), share(child)];
  });
  return table(head, rows);
}

const LABELS: Readonly<Record<Contender, string>> = {
  'one by one': '`helm template` of each chart, one after the other',
  'at once': '`helm template` of each chart, {parallel} at once',
  images: '`airgap images`, all charts in one command, `--no-nested-charts`',
  nested: '`airgap images`, all charts in one command, charts within charts too',
};

/** Medians, and the ratios to each way of running bare Helm in the same round as median (min–max). */
export function speedTable(costs: Costs, parallel: number): string {
  const head = ['', 'wall time, s', 'processor time, s', 'wall, to one after the other'];
  const heads = [...head, `wall, to ${parallel} at once`, 'processor time, to one after the other'];
  const ratio = (mine: readonly Cost[], theirs: readonly Cost[], key: 'wall' | 'cpu'): string => {
    const ratios = mine.map((cost, round) => cost[key] / (theirs[round] as Cost)[key]);
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
    return `**${median(ratios).toFixed(2)}** (${low}–${high})`;
  };
  const rows = Object.entries(LABELS).map(([name, label]) => {
    const mine = costs[name as Contender];
    const medians = (['wall', 'cpu'] as const).map((key) => median(mine.map((cost) => cost[key])).toFixed(2));
    const [serial, atOnce] = [costs['one by one'], costs['at once']];
    const ratios = [ratio(mine, serial, 'wall'), ratio(mine, atOnce, 'wall'), ratio(mine, serial, 'cpu')];
    const isBare = name === 'one by one' || name === 'at once';
    return [label.replace('{parallel}', String(parallel)), ...medians, ...(isBare ? ['', '', ''] : ratios)];
  });
  return table(heads, rows);
}

/**
 * Every miss and every invention with its place, one a line; nothing for a chart without any.
 * @param found what the search found, `possible` ones too
 * @param places where the truth has its references
 */
export function faults(
  { chart, own, operator, child, invented, traps }: Score,
  found: readonly Found[],
  places: ReadonlyMap<string, readonly string[]>,
): string[] {
  const possible = new Set(found.map(({ reference }) => reference));
  const kinds = [
    ['missed', own],
    ['missed, of an operator', operator],
    ['missed, of a child chart', child],
  ] as const;
  const lines = kinds.flatMap(([label, { missed }]) =>
    missed.map((reference) => {
      const note = possible.has(reference) ? ' (found as possible)' : '';
      return told(label, reference + note, places.get(reference) ?? []);
    }),
  );
  const wrong = invented.map((one) => told(traps.includes(one) ? 'trap' : 'invented', one.reference, one.places));
  return [...lines, ...wrong].map((text) => `${chart}: ${text}`);
}

function told(label: string, reference: string, places: readonly string[]): string {
  return [`${label}: ${reference}`, ...places.map((place) => `    at ${place}`)].join('\n');
}
