import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { availableParallelism, release, tmpdir, totalmem } from 'node:os';
import type { Cost } from './measure.ts';

/** Costs of every run, by contender, in the order of the rounds. */
export type Runs = ReadonlyMap<string, readonly Cost[]>;

const MEASURES = [
  ['wall', 'wall time, s', 2],
  ['cpu', 'processor time, s', 2],
  ['memory', 'peak memory, MB', 0],
  ['disk', 'peak disk, MB', 0],
] as const;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

/** A Markdown table: medians, and the ratios of runs of the same round as median (min to max). */
export function table(runs: Runs): string {
  const [[mine, costs] = ['', []], ...others] = runs;
  const head = ['', mine, ...others.flatMap(([name]) => [name, 'ratio'])];
  const rows = MEASURES.map(([key, label, digits]) => [
    label,
    median(costs.map((cost) => cost[key])).toFixed(digits),
    ...others.flatMap(([, theirs]) => {
      const ratios = costs.map((cost, round) => cost[key] / (theirs[round] as Cost)[key]);
      const usable = ratios.filter(Number.isFinite);
      const [low, high] = [Math.min(...usable), Math.max(...usable)].map((ratio) => ratio.toFixed(2));
      const ratio =
        usable.length < ratios.length || median(usable) === 0
          ? '–'
          : `**${median(ratios).toFixed(2)}** (${low}–${high})`;
      return [median(theirs.map((cost) => cost[key])).toFixed(digits), ratio];
    }),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The kind of file system that lies in memory (TMPFS_MAGIC of statfs(2)). */
const TMPFS = 0x01021994;

/** Date, machine and versions. Nothing that names the machine. */
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

/** Replaces the part of a document that an npm script writes. @throws Error when the document has none */
export function replaceFigures(file: string, script: string, figures: string): void {
  const begin = `<!-- figures: written by npm run ${script} -->`;
  const before = readFileSync(file, 'utf8');
  const [from, to] = [before.indexOf(begin), before.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${file} has no place for figures`);
  writeFileSync(file, `${before.slice(0, from)}${begin}\n\n${figures}\n\n${before.slice(to)}`);
}
