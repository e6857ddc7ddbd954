/**
 * Derives the overrides of real charts and judges them by plain Helm's renders: what is private, what is named as
 * residue, what else changed, what a post-renderer leaves, and what it costs beside one bare `helm template`.
 *
 *   npm run proof -- [FOLDER] [--only NAME] [--rounds N]
 *
 * FOLDER (or AIRGAP_CHARTS, or ../shared/charts) holds the charts; the oldest and the newest Helm of the tests are used.
 * Needs a built plugin, and docker-registry for the rounds. Exit code 1 when something is silent, changed, or residue
 * that a value could move. A run with `--only` or without rounds leaves docs/results/overrides.md alone.
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
import { chartsTable, faults, residueList, speedTable } from './report.ts';
import { time } from './speed.ts';

/** The largest chart of the corpus, and the one that a goal is set for. */
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
  console.error(`Not there: ${missing.join('; ')}.`);
  process.exit(1);
}

const load = loadavg()[0].toFixed(1);
const folder = mkdtempSync(join(tmpdir(), 'airgap-proof-'));
const figures = [];
const lines = [];
let good = true;

/** An empty folder. */
function place(name) {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

try {
  const timed = charts.find(({ name }) => name === TIMED);
  for (const { version, path: helm } of helms) {
    const programs = { airgap, helm, counting: countingHelm(helm, place(version)) };
    figures.push(`## Helm ${version}`);
    for (const [at, target] of TARGETS.entries()) {
      const judged = charts.map((chart) => {
        const one = judge(chart, programs, target, place(`${version}/${chart.name}`));
        console.error(`Helm ${version}, ${target}, ${chart.name}: ${one.rewritten}/${one.references}`);
        rmSync(join(folder, version, chart.name), { recursive: true });
        return one;
      });
      good &&= judged.every(isGood);
      lines.push(...judged.flatMap(faults).map((line) => `Helm ${version}, ${target}, ${line}`));
      // The port makes a difference where charts refuse it, which the list tells.
      figures.push(...(at === 0 ? [chartsTable(judged)] : []), `### Residue with ${target}`, residueList(judged));
    }
    if (rounds === 0 || timed === undefined) continue;
    const { costs, renders } = await time(timed, programs, place(`${version}/speed`), { rounds, tell: console.error });
    figures.push(`### Speed: ${TIMED}`, speedTable(costs, renders));
  }
  const versions = `Node.js ${process.versions.node}, ${availableParallelism()} cores`;
  const at = `${rounds} rounds of the speed, load average at the start ${load}`;
  const all = [
    `Last run: ${charts.length} charts; the tables are of ${TARGETS[0]}; ${versions}; ${at}.`,
    ...figures,
  ].join('\n\n');
  console.log(all);
  if (lines.length > 0) console.log(`\n${lines.join('\n')}`);
  if (rounds > 0 && values.only === '') replaceFigures(join(root, 'docs/results/overrides.md'), 'proof', all);
  process.exitCode = good ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
