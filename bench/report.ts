import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { availableParallelism, release, tmpdir, totalmem } from 'node:os';
import type { Cost } from './measure.ts';

/** Costs of every run, by contender, in the order of the rounds. */
export type Runs = ReadonlyMap<string, readonly Cost[]>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

/**
 * Formats a Markdown table with a row for each workload: medians, and ratios of runs of the same round as median (min–max).
 * All rows have the same contenders, the first of which is compared with the others.
 */
export function table(rows: readonly (readonly [workload: string, runs: Runs])[]): string {
  const names = [...(rows[0]?.[1].keys() ?? [])];
  const [mine = '', ...others] = names;
  const head = [
    '',
    `${mine}, s`,
    ...others.flatMap((name) => [`${name}, s`, 'ratio']),
    ...names.map((name) => `processor time, ${name}, s`),
    ...names.map((name) => `disk, ${name}, MB`),
    `memory, ${mine}, MB`,
  ];
  const cells = rows.map(([workload, runs]) => {
    const costs = runs.get(mine) ?? [];
    const medianOf = (name: string, key: keyof Cost, digits: number): string =>
      median((runs.get(name) ?? []).map((cost) => cost[key])).toFixed(digits);
    return [
      workload,
      medianOf(mine, 'wall', 2),
      ...others.flatMap((name) => [medianOf(name, 'wall', 2), ratio(costs, runs.get(name) ?? [])]),
      ...names.map((name) => medianOf(name, 'cpu', 2)),
      ...names.map((name) => medianOf(name, 'disk', 0)),
      medianOf(mine, 'memory', 0),
    ];
  });
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...cells.map(line)].join('\n');
}

function ratio(mine: readonly Cost[], theirs: readonly Cost[]): string {
  const ratios = mine.map(({ wall }, round) => wall / (theirs[round] as Cost).wall);
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
  return `**${median(ratios).toFixed(2)}** (${low}–${high})`;
}

/** File system type of tmpfs (TMPFS_MAGIC of statfs(2)). */
const TMPFS = 0x01021994;

/** Formats date, hardware and versions, without the machine's name. */
export function circumstances(rounds: number, load: number): string {
  const versions = [
    `Node.js ${process.versions.node}`,
    execFileSync('skopeo', ['--version'], { encoding: 'utf8' }).trim().replace(' version', ''),
    `distribution ${/\d+\.\d+\.\d+\S*/.exec(execFileSync('docker-registry', ['--version'], { encoding: 'utf8' }))?.[0]}`,
  ];
  const memory = `${Math.round(totalmem() / 1e9)} GB`;
  const disk = statfsSync(tmpdir()).type === TMPFS ? 'memory-backed disk' : 'disk';
  const machine = `${availableParallelism()} cores, ${memory} of memory, ${disk}, Linux ${release()}`;
  const day = new Date().toISOString().slice(0, 10);
  return `${day}; ${machine}; ${versions.join(', ')}; ${rounds} rounds; load average at the start ${load.toFixed(1)}.`;
}

const END = '<!-- end of figures -->';

/** Replaces the figures in a document that an npm script writes. @throws Error if the document has no markers */
export function replaceFigures(file: string, script: string, figures: string): void {
  const begin = `<!-- figures: written by npm run ${script} -->`;
  const before = readFileSync(file, 'utf8');
  const from = before.indexOf(begin);
  const to = before.indexOf(END, from);
  if (from < 0 || to < from) throw new Error(`${file} has no markers for the figures of ${script}`);
  writeFileSync(file, `${before.slice(0, from)}${begin}\n\n${figures}\n\n${before.slice(to)}`);
}
