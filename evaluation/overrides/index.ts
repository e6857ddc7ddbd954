import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { countingHelm } from '../../test/support/cli.ts';
import { testHelms } from '../../test/support/helm.ts';
import { defineEvaluation } from '../evaluation.ts';
import { absent, CHART_OPTIONS, checkMissing, selectCharts } from '../programs.ts';
import { isGood, type Judged, judge, TARGETS } from './judge.ts';
import { chartsTable, faults, speedTable, unmappedList } from './report.ts';
import { type Speed, time } from './speed.ts';

/** The largest chart of the corpus, with a performance goal. */
const TIMED = 'kube-prometheus-stack-72.0.0';

/** Verdicts with one Helm. */
interface Result {
  readonly version: string;
  readonly targets: readonly { readonly target: string; readonly judged: readonly Judged[] }[];
  readonly speed: Speed | undefined;
}

/** Completeness and side effects of the overrides of real charts, and their cost. */
export const overrides = defineEvaluation({
  script: 'proof',
  summary: `Derives the overrides of real charts and checks them with plain Helm's renders: private references, reported
unmapped ones, other changes, references left by a post-renderer, and the cost compared to one bare \`helm template\`.
Uses the oldest and the newest Helm of the tests; needs a built plugin, and docker-registry for the rounds. Exit code 1 if
a public reference is not reported, something else changed, or an unmapped reference could be mapped by a value.`,
  options: {
    ...CHART_OPTIONS,
    rounds: { default: 5, help: 'rounds of the speed; 0 does not change the page' },
  },

  async measure({ folder: source, only, rounds }, folder) {
    const charts = selectCharts({ folder: source, only });
    const timed = rounds === 0 ? undefined : charts.find(({ name }) => name === TIMED);
    const helms = testHelms().filter(({ version }) => version !== '3.18.0');
    checkMissing(
      ...(helms.some(({ path }) => path !== undefined) ? [] : ['Helm (scripts/setup --tests)']),
      ...(timed === undefined ? [] : absent('docker-registry')),
    );
    const results: Result[] = [];
    for (const { version, path: helm } of helms) {
      if (helm === undefined) continue;
      const own = createFolder(folder, version);
      const programs = { helm, counting: countingHelm(own, helm) };
      const targets = TARGETS.map((target) => ({
        target,
        judged: charts.map((chart) => {
          const work = createFolder(own, chart.name);
          const judged = judge(chart, programs, target, work);
          console.error(`Helm ${version}, ${target}, ${chart.name}: ${judged.rewritten}/${judged.references}`);
          rmSync(work, { recursive: true });
          return judged;
        }),
      }));
      const speed = timed === undefined ? undefined : await time(timed, programs, createFolder(own, 'speed'), rounds);
      results.push({ version, targets, speed });
    }
    return { count: charts.length, results };
  },

  report({ count, results }, { only, rounds }, { node, cores, load }) {
    const circumstances = `${node}, ${cores} cores; ${rounds} rounds of the speed, ${load}`;
    const sections = results.flatMap(({ version, targets, speed }) => [
      `## Helm ${version}`,
      ...targets.flatMap(({ target, judged }) => [
        // A port makes a difference only for charts that refuse it; the list has those.
        ...(target === TARGETS[0] ? [chartsTable(judged)] : []),
        `### Unmapped references with ${target}`,
        unmappedList(judged),
      ]),
      ...(speed === undefined ? [] : [`### Speed: ${TIMED}`, speedTable(speed.costs, speed.renders)]),
    ]);
    const all = results.flatMap(({ version, targets }) => targets.map((each) => ({ version, ...each })));
    return {
      figures: [`Last run: ${count} charts; the tables are of ${TARGETS[0]}; ${circumstances}.`, ...sections].join(
        '\n\n',
      ),
      section: rounds > 0 && only === '' ? 'proof' : undefined,
      faults: all.flatMap(({ version, target, judged }) =>
        judged.flatMap(faults).map((line) => `Helm ${version}, ${target}, ${line}`),
      ),
      isGood: all.every(({ judged }) => judged.every(isGood)),
    };
  },
});

function createFolder(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path, { recursive: true });
  return path;
}
