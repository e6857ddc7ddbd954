/**
 * Measures `helm airgap images` on charts with hand-checked ground truth: recall, false positives, the same for a search for
 * `image:` lines, and the cost compared to bare `helm template`.
 *
 *   npm run accuracy -- [FOLDER] [--only NAME] [--rounds N]
 *
 * FOLDER (or AIRGAP_CHARTS, or ../shared/charts) holds the charts; HELM_BIN names the Helm. Needs a built plugin. Exit
 * code 1 if an image is missed or there are too many false positives. Runs with `--only` or without rounds do not change
 * docs/results/discovery.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { replaceFigures } from '../bench/report.ts';
import { realCharts } from '../test/support/charts.ts';
import { readCorpus, trueLocations } from '../test/support/corpus.ts';
import { testHelms } from '../test/support/helm.ts';
import { render, search } from './airgap.ts';
import { grepImages } from './grep.ts';
import { chartsTable, faults, speedTable, totalsTable } from './report.ts';
import { isGood, score, totalOf } from './score.ts';
import { time } from './speed.ts';

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' }, rounds: { type: 'string', default: '3' } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 0) throw new Error('--rounds must be a whole number');
const corpus = readCorpus(positionals[0] === undefined ? realCharts() : resolve(positionals[0]));
const charts = corpus.filter(({ name }) => name.includes(values.only));
const airgap = join(root, 'scripts/airgap');
const helm = process.env.HELM_BIN || testHelms().find(({ version }) => version.startsWith('4.'))?.path;

const missing = [
  ...(charts.length > 0 ? [] : ['charts with ground truth (AIRGAP_CHARTS)']),
  ...(helm ? [] : ['Helm 4 (HELM_BIN, or scripts/setup --tests)']),
  ...(existsSync(join(root, 'dist/airgap.cjs')) ? [] : ['dist/ (npm run build)']),
];
if (missing.length > 0) {
  console.error(`Missing: ${missing.join('; ')}.`);
  process.exit(1);
}

const helmVersion = execFileSync(helm, ['version', '--template', '{{.Version}}'], { encoding: 'utf8' });
const load = loadavg()[0].toFixed(1);
const parallel = availableParallelism();
const folder = mkdtempSync(join(tmpdir(), 'airgap-accuracy-'));
const env = { ...process.env, HELM_BIN: helm };
const results = [];
const lines = [];

try {
  for (const chart of charts) {
    const { found, problem } = search(airgap, chart, folder, env);
    const mine = score(chart, found);
    const grep = score(chart, grepImages(render(helm, chart)));
    results.push({ mine, grep, problem });
    if (problem !== undefined) lines.push(`${chart.name}: failed: ${problem}`);
    lines.push(...faults(mine, found, trueLocations(chart)));
    const { expected, missed } = mine.own;
    console.error(`${chart.name}: ${expected.length - missed.length}/${expected.length}`);
  }
  const mine = results.map((result) => result.mine);
  const grep = results.map((result) => result.grep);
  const programs = { airgap, helm };
  const speed =
    rounds === 0 ? undefined : await time(programs, charts, folder, { rounds, parallel, log: console.error });
  const versions = `Helm ${helmVersion}, Node.js ${process.versions.node}`;
  const circumstances = `Last run: ${charts.length} charts, ${versions}, Kubernetes 1.35.0.`;
  const figures = [
    circumstances,
    '## Totals',
    totalsTable({ '`helm airgap images`': mine, '`helm template`, `grep image:`': grep }),
    '## Chart by chart',
    chartsTable(mine),
    '## The same with `grep image:`',
    chartsTable(grep),
    ...(speed === undefined
      ? []
      : [
          '## Speed',
          `${rounds} rounds, ${parallel} cores, load average at the start ${load}.`,
          speedTable(speed, parallel),
        ]),
  ].join('\n\n');
  console.log(figures);
  if (lines.length > 0) console.log(`\n${lines.join('\n')}`);
  if (speed !== undefined && values.only === '') {
    replaceFigures(join(root, 'docs/results/discovery.md'), 'accuracy', figures);
  }
  const isWhole = results.every(({ problem }) => problem === undefined);
  process.exitCode = isWhole && isGood(totalOf(mine)) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
