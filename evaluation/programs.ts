import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { realCharts } from '../test/support/charts.ts';
import { type CorpusChart, readCorpus } from '../test/support/corpus.ts';
import { CannotRun } from './evaluation.ts';

export const root = join(import.meta.dirname, '..');

/** Maximum output in bytes; the largest render of the corpus has 6 MB. */
const MAX_OUTPUT = 2 ** 28;

/** Result of a program. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  /** End of its stderr. */
  readonly problem: string;
  /** Wall time in seconds. */
  readonly seconds: number;
}

/** Runs a program, whatever its exit code. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Run {
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env, maxBuffer: MAX_OUTPUT });
  const seconds = (performance.now() - begun) / 1000;
  return { status, stdout: stdout ?? '', problem: (stderr ?? '').trim().slice(-600), seconds };
}

/** Runs a program and returns its stdout. @throws Error with the end of its stderr if it fails */
export function runOk(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): string {
  const { status, stdout, problem } = run(program, args, env);
  if (status !== 0) throw new Error(`${program} ${args[0]} ended with ${status}: ${problem}`);
  return stdout;
}

/** Formats a command of a shell script. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

/** Programs that are not installed. */
export function absent(...programs: readonly string[]): string[] {
  return programs.filter((name) => spawnSync(name, ['--version']).error !== undefined);
}

/** Checks that the plugin is built, and that nothing else is missing. @throws CannotRun with what is missing */
export function checkMissing(...missing: readonly string[]): void {
  const all = [...missing, ...(existsSync(join(root, 'dist/airgap.cjs')) ? [] : ['dist/ (npm run build)'])];
  if (all.length > 0) throw new CannotRun(`Missing: ${all.join('; ')}.`);
}

/** Options that select charts with ground truth. */
export const CHART_OPTIONS = {
  folder: { default: '', isArgument: true, help: 'charts and truth.json (AIRGAP_CHARTS, or ../shared/charts)' },
  only: { default: '', help: 'charts whose name has this text; does not change the page' },
} as const;

/** Reads the selected charts. @throws CannotRun if there are none */
export function selectCharts({ folder, only }: { folder: string; only: string }): CorpusChart[] {
  const charts = readCorpus(folder === '' ? realCharts() : resolve(folder)).filter(({ name }) => name.includes(only));
  if (charts.length === 0) throw new CannotRun('Missing: charts with ground truth (AIRGAP_CHARTS).');
  return charts;
}
