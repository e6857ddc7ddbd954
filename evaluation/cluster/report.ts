import { table } from '../page.ts';
import type { Outcome, Tried } from './try-chart.ts';

/** Returns whether everything was pulled. */
function isRunning({ install, failed, waiting, publicImages, pods }: Outcome): boolean {
  return install === 0 && pods > 0 && failed.length + waiting.length + publicImages.length === 0;
}

/** Formats the charts that were installed, with sums. */
export function chartsTable(tried: readonly Tried[]): string {
  const head = ['chart', 'images', '`values`', 'install', 'Pods', 'pulled', 'could not be pulled', 'public', 'seconds'];
  const rows = tried.flatMap(({ chart, seconds, outcome }) => {
    if (outcome === undefined) return [];
    const { images, values, install, pods, pulled, failed, publicImages } = outcome;
    return [[chart, images, values, install, pods, pulled, failed.length, publicImages.length, Math.round(seconds)]];
  });
  const sum = (column: number): number => rows.reduce((total, row) => total + Number(row[column]), 0);
  const sums = head.map((_, column) => {
    if (column === 0) return `**${rows.length} charts**`;
    return column === 2 || column === 3 ? '' : sum(column);
  });
  return table(head, [...rows, sums]);
}

/** Lists the charts that were not tried, with reasons. */
export function untriedList(tried: readonly Tried[]): string {
  const lines = tried.flatMap(({ chart, problem }) => (problem === undefined ? [] : [`* ${chart}: ${problem}.`]));
  return lines.length === 0 ? 'None.' : lines.join('\n');
}

/** Lists images that stayed public, could not be pulled or were not decided. */
export function failuresList(tried: readonly Tried[]): string {
  const lines = tried.flatMap(({ chart, outcome }) => {
    if (outcome === undefined || isRunning(outcome)) return [];
    const { failed, waiting, publicImages, installProblem } = outcome;
    return [
      ...publicImages.map((image) => `* ${chart}: \`${image}\` is public.`),
      ...failed.filter((image) => !publicImages.includes(image)).map((image) => `* ${chart}: no \`${image}\`.`),
      ...waiting.map((container) => `* ${chart}: ${container}.`),
      ...(installProblem === '' ? [] : [`* ${chart}: ${installProblem.replaceAll('\n', ' ')}`]),
    ];
  });
  return lines.length === 0 ? 'None.' : lines.join('\n');
}

/** Lists what `values` refused and no Pod of the install has, such as images of `helm test`. */
export function stricterList(tried: readonly Tried[]): string {
  const lines = tried.flatMap(({ chart, outcome }) => {
    if (outcome === undefined || outcome.values === 0 || !isRunning(outcome)) return [];
    return [`* ${chart}: ${outcome.unmapped.map((reference) => `\`${reference}\``).join(', ')}.`];
  });
  return lines.length === 0 ? 'None.' : lines.join('\n');
}

/** Charts that did not get everything, although `values` had proved it. */
export function disagreements(tried: readonly Tried[]): string[] {
  return tried.flatMap(({ chart, outcome }) => {
    if (outcome === undefined || isRunning(outcome) || outcome.values !== 0) return [];
    return [`${chart}: \`values\` ended with 0, and not everything was pulled and installed`];
  });
}
