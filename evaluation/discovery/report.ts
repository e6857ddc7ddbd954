import { type Costs, medianCost, ratio } from '../cost.ts';
import { table } from '../page.ts';
import { type Kind, type Score, type Total, totalOf } from './score.ts';
import type { Found } from './search.ts';
import type { Contender } from './speed.ts';

/** Markdown tables of the figures, and a list of misses and false positives. */

const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;

/** `found/all`; empty if there is nothing to find. */
function share({ expected, missed }: Score[Kind]): string {
  return expected.length === 0 ? '' : `${expected.length - missed.length}/${expected.length}`;
}

/** Recall and precision of each search over all charts. */
export function totalsTable(searches: Readonly<Record<string, readonly Score[]>>): string {
  const head = [
    '',
    'images found',
    'recall',
    'false positives',
    'precision',
    'traps',
    'operator images',
    'nested charts',
  ];
  const found = ({ found, expected }: Total[Kind]): string => `${found}/${expected}`;
  const rows = Object.entries(searches).map(([name, scores]) => {
    const { own, operator, child, falsePositives, traps, recall, precision } = totalOf(scores);
    const ratios = [found(own), percent(recall), falsePositives, percent(precision)];
    return [name, ...ratios, traps, found(operator), found(child)];
  });
  return table(head, rows);
}

/** One search, chart by chart. */
export function chartsTable(scores: readonly Score[]): string {
  const head = ['chart', 'images', 'found', 'missed', 'false positives', 'traps', 'operator images', 'nested charts'];
  const rows = scores.map(({ chart, own, operator, child, falsePositives, traps }) => {
    const [expected, missed] = [own.expected.length, own.missed.length];
    const figures = [expected, expected - missed, missed, falsePositives.length, traps.length];
    return [chart, ...figures, share(operator), share(child)];
  });
  return table(head, rows);
}

const LABELS: Readonly<Record<Contender, string>> = {
  'one by one': '`helm template` of each chart, one after the other',
  'at once': '`helm template` of each chart, {parallel} at once',
  images: '`airgap images`, all charts in one command, `--no-nested-charts`',
  nested: '`airgap images`, all charts in one command, with nested charts',
};

/** Formats medians, and ratios to both ways of running bare Helm in the same round as median (min–max). */
export function speedTable(costs: Costs<Contender>, parallel: number): string {
  const head = ['', 'wall time, s', 'processor time, s', 'wall, to one after the other'];
  const heads = [...head, `wall, to ${parallel} at once`, 'processor time, to one after the other'];
  const rows = Object.entries(LABELS).map(([name, label]) => {
    const mine = costs[name as Contender];
    const medians = [medianCost(mine, 'wall'), medianCost(mine, 'cpu')];
    const [serial, atOnce] = [costs['one by one'], costs['at once']];
    const ratios = [ratio(mine, serial, 'wall'), ratio(mine, atOnce, 'wall'), ratio(mine, serial, 'cpu')];
    const isBare = name === 'one by one' || name === 'at once';
    return [label.replace('{parallel}', String(parallel)), ...medians, ...(isBare ? ['', '', ''] : ratios)];
  });
  return table(heads, rows);
}

/**
 * Lists misses and false positives with their locations, one a line.
 * @param found all references of the search, including `possible` ones
 * @param locations locations of the truth, by reference
 */
export function faults(
  { chart, own, operator, child, falsePositives, traps }: Score,
  found: readonly Found[],
  locations: ReadonlyMap<string, readonly string[]>,
): string[] {
  const possible = new Set(found.map(({ reference }) => reference));
  const kinds = [
    ['missed', own],
    ['missed, of an operator', operator],
    ['missed, of a nested chart', child],
  ] as const;
  const lines = kinds.flatMap(([label, { missed }]) =>
    missed.map((reference) => {
      const note = possible.has(reference) ? ' (found as possible)' : '';
      return entry(label, reference + note, locations.get(reference) ?? []);
    }),
  );
  const wrong = falsePositives.map((each) =>
    entry(traps.includes(each) ? 'trap' : 'false positive', each.reference, each.locations),
  );
  return [...lines, ...wrong].map((text) => `${chart}: ${text}`);
}

function entry(label: string, reference: string, locations: readonly string[]): string {
  return [`${label}: ${reference}`, ...locations.map((location) => `    at ${location}`)].join('\n');
}
