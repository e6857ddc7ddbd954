/**
 * Derives the overrides of real charts and checks them with plain Helm's renders: private references, reported unmapped ones,
 * other changes, references left by a post-renderer, and the cost compared to one bare `helm template`.
 *
 *   npm run proof -- [FOLDER] [--only NAME] [--rounds N]
 *
 * FOLDER (or AIRGAP_CHARTS, or ../shared/charts) holds the charts; the oldest and the newest Helm of the tests are used.
 * Needs a built plugin, and docker-registry for the rounds. Exit code 1 if a public reference is not reported, something else
 * changed, or an unmapped reference could be mapped by a value. Runs with `--only` or without rounds do not change
 * docs/results/overrides.md.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { replaceFigures } from '../bench/report.ts';
import { realCharts } from '../test/support/charts.ts';
import { readCorpus } from '../test/support/corpus.ts';
import { testHelms } from '../test/support/helm.ts';
import { isGood, judge, TARGETS } from './judge.ts';
import { countingHelm } from './programs.ts';
import { chartsTable, faults, speedTable, unmappedList } from './report.ts';
import { time } from './speed.ts';

/** The largest chart of the corpus, with a performance goal. */
const TIMED = 'kube-prometheus-stack-72.0.0';

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' }, rounds: { type: 'string', default: '5' } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 0) throw new Error('--rounds must be a whole number');
const corpus = readCorpus(positionals[0] === undefined ? realCharts() : resolve(positionals[0]));
const charts = corpus.filter(({ name }) => name.includes(values.only));
const airgap = join(root, 'scripts/airgap');
const helms = testHelms().filter(({ path, version }) => path !== undefined && version !== '3.18.0');

const missing = [
  ...(charts.length > 0 ? [] : ['charts with ground truth (AIRGAP_CHARTS)']),
  ...(helms.length > 0 ? [] : ['Helm (scripts/setup --tests)']),
  ...(existsSync(join(root, 'dist/airgap.cjs')) ? [] : ['dist/ (npm run build)']),
];
if (missing.length > 0) {
  console.error(`Missing: ${missing.join('; ')}.`);
  process.exit(1);
}

const load = loadavg()[0].toFixed(1);
const folder = mkdtempSync(join(tmpdir(), 'airgap-proof-'));
const figures = [];
const lines = [];
let good = true;

/** Creates an empty folder. */
function createFolder(name) {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

try {
  const timed = charts.find(({ name }) => name === TIMED);
  for (const { version, path: helm } of helms) {
    const programs = { airgap, helm, counting: countingHelm(helm, createFolder(version)) };
    figures.push(`## Helm ${version}`);
    for (const [index, target] of TARGETS.entries()) {
      const judged = charts.map((chart) => {
        const one = judge(chart, programs, target, createFolder(`${version}/${chart.name}`));
        console.error(`Helm ${version}, ${target}, ${chart.name}: ${one.rewritten}/${one.references}`);
        rmSync(join(folder, version, chart.name), { recursive: true });
        return one;
      });
      good &&= judged.every(isGood);
      lines.push(...judged.flatMap(faults).map((line) => `Helm ${version}, ${target}, ${line}`));
      // A port makes a difference only for charts that refuse it; the list has those.
      figures.push(
        ...(index === 0 ? [chartsTable(judged)] : []),
        `### Unmapped references with ${target}`,
        unmappedList(judged),
      );
    }
    if (rounds === 0 || timed === undefined) continue;
    const speedFolder = createFolder(`${version}/speed`);
    const { costs, renders } = await time(timed, programs, speedFolder, { rounds, log: console.error });
    figures.push(`### Speed: ${TIMED}`, speedTable(costs, renders));
  }
  const versions = `Node.js ${process.versions.node}, ${availableParallelism()} cores`;
  const circumstances = `${rounds} rounds of the speed, load average at the start ${load}`;
  const all = [
    `Last run: ${charts.length} charts; the tables are of ${TARGETS[0]}; ${versions}; ${circumstances}.`,
    ...figures,
  ].join('\n\n');
  console.log(all);
  if (lines.length > 0) console.log(`\n${lines.join('\n')}`);
  if (rounds > 0 && values.only === '') replaceFigures(join(root, 'docs/results/overrides.md'), 'proof', all);
  process.exitCode = good ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
