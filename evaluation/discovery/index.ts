import { availableParallelism } from 'node:os';
import { KUBE_VERSION, trueLocations } from '../../test/support/corpus.ts';
import { testHelms } from '../../test/support/helm.ts';
import type { Costs } from '../cost.ts';
import { defineEvaluation } from '../evaluation.ts';
import { CHART_OPTIONS, checkMissing, runOk, selectCharts } from '../programs.ts';
import { chartsTable, faults, speedTable, totalsTable } from './report.ts';
import { isGood, type Score, score, totalOf } from './score.ts';
import { grepImages, search } from './search.ts';
import { type Contender, time } from './speed.ts';

interface Result {
  readonly mine: Score;
  readonly grep: Score;
  readonly faults: readonly string[];
  readonly isWhole: boolean;
}

/** Recall and precision of `images` on real charts, and its cost. */
export const discovery = defineEvaluation({
  script: 'accuracy',
  summary: `Measures \`helm airgap images\` on charts with hand-checked ground truth: recall, false positives, the same for a
search for \`image:\` lines, and the cost compared to bare \`helm template\`. Needs Helm 4 (HELM_BIN, or that of the tests)
and a built plugin. Exit code 1 if an image is missed or there are too many false positives.`,
  options: {
    ...CHART_OPTIONS,
    rounds: { default: 3, help: 'rounds of the speed; 0 does not change the page' },
  },

  async measure({ folder: source, only, rounds }, folder) {
    const charts = selectCharts({ folder: source, only });
    const helm = process.env.HELM_BIN || testHelms().find(({ version }) => version.startsWith('4.'))?.path || '';
    checkMissing(...(helm === '' ? ['Helm 4 (HELM_BIN, or scripts/setup --tests)'] : []));
    const version = runOk(helm, ['version', '--template', '{{.Version}}']);
    const results = charts.map((chart): Result => {
      const { found, problem } = search(helm, chart, folder);
      const { render, archive, flags } = chart;
      const mine = score(chart, found);
      const { expected, missed } = mine.own;
      console.error(`${chart.name}: ${expected.length - missed.length}/${expected.length}`);
      return {
        mine,
        grep: score(chart, grepImages(runOk(helm, ['template', render.releaseName, archive, ...flags]))),
        faults: [
          ...(problem === undefined ? [] : [`${chart.name}: failed: ${problem}`]),
          ...faults(mine, found, trueLocations(chart)),
        ],
        isWhole: problem === undefined,
      };
    });
    const speed = (parallel: number): Promise<Costs<Contender>> => time(helm, charts, folder, { rounds, parallel });
    return { version, results, costs: rounds === 0 ? undefined : await speed(availableParallelism()) };
  },

  report({ version, results, costs }, { only, rounds }, { cores, node, load }) {
    const mine = results.map((result) => result.mine);
    const grep = results.map((result) => result.grep);
    const figures = [
      `Last run: ${results.length} charts, Helm ${version}, ${node}, Kubernetes ${KUBE_VERSION}.`,
      '## Totals',
      totalsTable({ '`helm airgap images`': mine, '`helm template`, `grep image:`': grep }),
      '## Chart by chart',
      chartsTable(mine),
      '## The same with `grep image:`',
      chartsTable(grep),
      ...(costs === undefined
        ? []
        : ['## Speed', `${rounds} rounds, ${cores} cores, ${load}.`, speedTable(costs, cores)]),
    ].join('\n\n');
    return {
      figures,
      section: rounds > 0 && only === '' ? 'accuracy' : undefined,
      faults: results.flatMap((result) => result.faults),
      isGood: results.every(({ isWhole }) => isWhole) && isGood(totalOf(mine)),
    };
  },
});
