/** Runs one evaluation, and writes its figures to docs/results/NAME.md: run.ts NAME [options]. */
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { scratchFolder } from '../test/support/scratch.ts';
import { CannotRun, type Circumstances, type Evaluation, helpOf, type Options, parseOptions } from './evaluation.ts';
import { replaceFigures } from './page.ts';

/** Each is loaded alone: undici must not be loaded before the faults' clock is set. */
const EVALUATIONS: Readonly<Record<string, () => Promise<Evaluation<Options, unknown>>>> = {
  discovery: async () => (await import('./discovery/index.ts')).discovery,
  overrides: async () => (await import('./overrides/index.ts')).overrides,
  'operator-scan': async () => (await import('./operator-scan/index.ts')).operatorScan,
  speed: async () => (await import('./speed/index.ts')).speed,
  faults: async () => (await import('./faults/index.ts')).faults,
  serve: async () => (await import('./serve/index.ts')).serving,
  cluster: async () => (await import('./cluster/index.ts')).cluster,
};

async function run(name: string, args: readonly string[]): Promise<boolean> {
  const load = EVALUATIONS[name];
  if (load === undefined) throw new CannotRun(`usage: run.ts ${Object.keys(EVALUATIONS).join('|')} [options]`);
  const evaluation = await load();
  const values = parseOptions(evaluation.options, args);
  if (values === undefined) {
    console.log(helpOf(evaluation));
    return true;
  }
  const circumstances: Circumstances = {
    day: new Date().toISOString().slice(0, 10),
    cores: availableParallelism(),
    node: `Node.js ${process.versions.node}`,
    load: `load average at the start ${(loadavg()[0] ?? 0).toFixed(1)}`,
  };
  const results = await evaluation.measure(values, scratchFolder());
  const { figures, section, faults, isGood } = evaluation.report(results, values, circumstances);
  console.log(figures);
  if (faults.length > 0) console.log(`\n${faults.join('\n')}`);
  if (section !== undefined) replaceFigures(join(import.meta.dirname, `../docs/results/${name}.md`), section, figures);
  return isGood;
}

// A run that is stopped stops its registries and removes its files, too: both happen at the end of the process.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
try {
  const [name = '', ...args] = process.argv.slice(2);
  process.exit((await run(name, args)) ? 0 : 1);
} catch (error) {
  console.error(error instanceof CannotRun ? error.message : error);
  process.exit(1);
}
