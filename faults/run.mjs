/**
 * Sweeps faults over every request of a bundle and of a push, one at a time, and judges how each run ends and whether the
 * next one completes.
 *
 *   npm run faults -- [--only TEXT] [--direction pull|push] [--every N] [--workers N]
 *   npm run faults -- --rate
 *
 * `--only` takes the cases whose line has the text, `--every` each n-th of them, `--workers` says how many run at the same
 * time. `--rate` measures instead how fast a registry is written to that takes ten manifests a second. Needs docker-registry, a Helm of the tests and, for kill -9, a built plugin. Exit code 1 when something did not
 * end well. A run of both directions with every kind replaces the figures in docs/results/faults.md.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replaceFigures } from '../bench/report.ts';
import { testHelms } from '../test/support/helm.ts';
import { useFastClock } from './clock.ts';
import { killsOf, tryKill } from './kill.ts';
import { measureRate, rateTable } from './rate.ts';
import { complaint, describe, table } from './report.ts';
import { casesOf, recordBaselines, tryFault } from './sweep.ts';
import { Worker } from './worker.ts';
import { startSource } from './workload.ts';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    direction: { type: 'string', default: '' },
    every: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    rate: { type: 'boolean', default: false },
  },
});
const [every, count] = [Number(values.every), Number(values.workers)];
for (const number of [every, count])
  if (!(number >= 1)) throw new Error('--every and --workers are whole numbers from 1 on');

const helm = testHelms().findLast(({ path }) => path !== undefined);
const missing = [
  ...(spawnSync('docker-registry', ['--version']).error === undefined ? [] : ['docker-registry']),
  ...(helm === undefined ? ['Helm (scripts/setup --tests)'] : []),
  ...(existsSync(join(root, 'dist/airgap.cjs')) ? [] : ['dist/ (npm run build)']),
];
if (missing.length > 0) {
  console.error(`Not there: ${missing.join('; ')}.`);
  process.exit(1);
}

// A run that is stopped stops its registry, too.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
// An error that nobody waits for would end the program.
const stray = [];
for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, (error) => stray.push(error));

const load = loadavg()[0].toFixed(1);
const began = performance.now();
const day = new Date().toISOString().slice(0, 10);
const machine = `Helm ${helm.version}, Node.js ${process.versions.node}, ${availableParallelism()} cores`;
const circumstances = `${machine}, load average at the start ${load}`;
const document = join(root, 'docs/results/faults.md');
// Before the first request: undici keeps the clock that it begins with.
if (!values.rate) useFastClock();
const folder = mkdtempSync(join(tmpdir(), 'airgap-faults-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const source = await startSource(folder);
if (values.rate) {
  const figures = `Last run: ${day}; ${circumstances}.\n\n${rateTable(await measureRate(await Worker.start(source, folder)))}`;
  console.log(figures);
  replaceFigures(document, 'faults (rate)', figures);
  process.exit(0);
}
const workers = await Promise.all(
  Array.from({ length: count }, async () => {
    const worker = await Worker.start(source, folder);
    return { worker, baselines: await recordBaselines(worker) };
  }),
).catch((error) => {
  // It would be taken for a stray one, and the program would not end.
  console.error(error);
  process.exit(1);
});
const [{ worker: first, baselines }] = workers;
const cases = ['pull', 'push']
  .flatMap((direction) => [
    ...casesOf(direction, baselines, first.source.repositories).map((testCase) => ({ testCase, work: tryFault })),
    ...killsOf(direction, baselines).map((testCase) => ({ testCase, work: tryKill })),
  ])
  .filter(({ testCase }) => testCase.direction.includes(values.direction) && describe(testCase).includes(values.only))
  .filter((_, index) => index % every === 0);

const outcomes = [];
const next = cases.values();
await Promise.all(
  workers.map(async (own) => {
    for (const { testCase, work } of next) {
      const outcome = await work(own.worker, own.baselines, testCase);
      for (const error of stray.splice(0)) {
        outcome.wrong.push(`an error that nobody waits for: ${error?.stack ?? error}`);
        outcome.verdict = 'bad';
      }
      outcomes.push({ ...outcome, of: testCase });
      console.error(`${outcomes.length} of ${cases.length}: ${outcome.verdict}: ${describe(testCase)}`);
      if (outcome.verdict === 'bad') console.error(complaint(outcome));
    }
  }),
);
for (const { worker } of workers) await worker.proxy.stop();
await source.stop();

const bad = outcomes.filter(({ verdict }) => verdict === 'bad');
const minutes = ((performance.now() - began) / 60_000).toFixed(0);
const share = every === 1 ? 'every case' : `one of every ${every} cases`;
const steps = `${baselines.direct.pull.length} requests of a pull and ${baselines.direct.push.length} of a push; ${share}`;
const order = new Map(cases.map(({ testCase }, index) => [testCase, index]));
const figures = [
  `Last run: ${day}; ${steps}; ${minutes} minutes; ${circumstances}.`,
  table(outcomes.sort((a, b) => order.get(a.of) - order.get(b.of))),
  ...(bad.length > 0 ? [bad.map((outcome) => `- ${describe(outcome)}: ${outcome.wrong.join('; ')}`).join('\n')] : []),
].join('\n\n');
console.log(figures);
if (values.only === '' && values.direction === '') {
  replaceFigures(document, 'faults', figures);
}
process.exit(bad.length > 0 ? 1 : 0);
