import { useFastClock } from '../../test/support/fast-clock.ts';
import { testHelms } from '../../test/support/helm.ts';
import { type Circumstances, defineEvaluation, type Report } from '../evaluation.ts';
import { table } from '../page.ts';
import { absent, checkMissing } from '../programs.ts';
import { type Baselines, recordBaselines } from './baselines.ts';
import { measureRate, rateTable, type Throttled } from './rate.ts';
import { casesOf, describe, killsOf, type Outcome, tryFault, tryKill } from './sweep.ts';
import { DIRECTIONS, type Direction, Worker } from './worker.ts';
import { startRegistries } from './workload.ts';

interface Sweep {
  /** In the order of the cases. */
  readonly outcomes: readonly Outcome[];
  readonly baselines: Baselines;
  readonly minutes: number;
}

interface Selection {
  readonly only: string;
  readonly direction: string;
  readonly every: number;
  readonly workers: number;
}

/** How runs end whose requests fail, and how fast a throttling registry is written to. */
export const faults = defineEvaluation({
  script: 'faults',
  summary: `Sweeps faults over every request of a bundle, of a push and of a mirror, one at a time, and judges how each run
ends and whether the next one completes. Needs docker-registry, a Helm of the tests and a built plugin. Exit code 1 if something
did not end well. A run of all directions with every kind changes the page.`,
  options: {
    only: { default: '', help: 'cases whose line has this text' },
    direction: { default: '', help: Object.keys(DIRECTIONS).join(', ') },
    every: { default: 1, least: 1, help: 'each n-th case' },
    workers: { default: 2, least: 1, help: 'cases at the same time' },
    rate: {
      default: false,
      help: 'measure instead how fast a registry is written to that takes ten manifests a second',
    },
  },

  async measure({ rate, ...selection }, folder) {
    const helm = testHelms().findLast(({ path }) => path !== undefined)?.version;
    checkMissing(...absent('docker-registry'), ...(helm === undefined ? ['Helm (scripts/setup --tests)'] : []));
    // Before the first request: undici keeps the clock that it begins with.
    if (!rate) useFastClock();
    const registries = await startRegistries(folder);
    try {
      const start = (): Promise<Worker> => Worker.start(registries, folder);
      return { helm, results: rate ? await measureRate(await start()) : await sweep(selection, start) };
    } finally {
      for (const registry of Object.values(registries)) await registry.stop();
    }
  },

  report({ helm, results }, selection, circumstances) {
    const { node, cores, load } = circumstances;
    const programs = `Helm ${helm}, ${node}, ${cores} cores, ${load}`;
    return 'outcomes' in results
      ? reportSweep(results, selection, circumstances, programs)
      : reportRate(results, circumstances, programs);
  },
});

function reportRate(rows: readonly Throttled[], { day }: Circumstances, programs: string): Report {
  const figures = `Last run: ${day}; ${programs}.\n\n${rateTable(rows)}`;
  return { figures, section: 'faults (rate)', faults: [], isGood: true };
}

function reportSweep(
  { outcomes, baselines, minutes }: Sweep,
  { every, only, direction }: Selection,
  { day }: Circumstances,
  programs: string,
): Report {
  const bad = outcomes.filter(({ verdict }) => verdict === 'bad');
  const share = every === 1 ? 'every case' : `one of every ${every} cases`;
  const { pull, push, ...mirror } = baselines.direct.requests;
  const mirrored = mirror['mirror from'].length + mirror['mirror to'].length;
  const steps = `${pull.length} requests of a pull, ${push.length} of a push, ${mirrored} of a mirror; ${share}`;
  return {
    figures: [
      `Last run: ${day}; ${steps}; ${minutes.toFixed(0)} minutes; ${programs}.`,
      verdictsTable(outcomes),
      ...(bad.length > 0
        ? [bad.map((outcome) => `- ${describe(outcome)}: ${outcome.wrong.join('; ')}`).join('\n')]
        : []),
    ].join('\n\n'),
    section: only === '' && direction === '' ? 'faults' : undefined,
    faults: [],
    isGood: bad.length === 0,
  };
}

/** Tries the selected cases, several at the same time. */
async function sweep(
  { only, direction, every, workers: count }: Selection,
  start: () => Promise<Worker>,
): Promise<Sweep> {
  const began = performance.now();
  // An error that nobody waits for would end the program.
  const stray: unknown[] = [];
  for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, (error) => stray.push(error));
  const workers = await Promise.all(
    Array.from({ length: count }, async () => {
      const worker = await start();
      return { worker, baselines: await recordBaselines(worker) };
    }),
  );
  const [first] = workers;
  if (first === undefined) throw new Error('no worker');
  const { baselines, worker } = first;
  const cases = (Object.keys(DIRECTIONS) as Direction[])
    .flatMap((each) => [
      ...casesOf(each, baselines, worker.registries.target.repositories).map((testCase) => ({
        testCase,
        work: tryFault,
      })),
      ...killsOf(each, baselines).map((testCase) => ({ testCase, work: tryKill })),
    ])
    .filter(({ testCase }) => testCase.direction.includes(direction) && describe(testCase).includes(only))
    .filter((_, index) => index % every === 0);
  const outcomes: Outcome[] = [];
  let done = 0;
  const next = cases.entries();
  await Promise.all(
    workers.map(async (own) => {
      for (const [index, { testCase, work }] of next) {
        const tried = await work(own.worker, own.baselines, testCase);
        const errors = stray.splice(0).map((error) => (error as Error | undefined)?.stack ?? error);
        const wrong = [...tried.wrong, ...errors.map((error) => `an error that nobody waits for: ${error}`)];
        const outcome = errors.length === 0 ? tried : { ...tried, wrong, verdict: 'bad' as const };
        outcomes[index] = outcome;
        console.error(`${++done} of ${cases.length}: ${outcome.verdict}: ${describe(testCase)}`);
        if (outcome.verdict === 'bad') console.error(complaint(outcome));
      }
    }),
  );
  for (const own of workers) await own.worker.stop();
  return { outcomes, baselines, minutes: (performance.now() - began) / 60_000 };
}

const VERDICTS = ['completed', 'recovered', 'bad'] as const;

/** Formats a Markdown table: number of cases and verdicts for each fault and direction. */
export function verdictsTable(outcomes: readonly Outcome[]): string {
  const head = ['fault', 'direction', 'cases', 'completed at once', 'failed, completed by the second run', 'bad'];
  const counts = (of: readonly Outcome[]): number[] => [
    of.length,
    ...VERDICTS.map((verdict) => of.filter((outcome) => outcome.verdict === verdict).length),
  ];
  const rows = [...Map.groupBy(outcomes, ({ kind }) => kind.row)].flatMap(([row, ofRow]) =>
    [...Map.groupBy(ofRow, ({ direction }) => direction)].map(([direction, of]) => [row, direction, ...counts(of)]),
  );
  return table(head, [...rows, ['**all**', '', ...counts(outcomes)]], 2);
}

/** Lists what is wrong with a case, with the output of the plugin. */
function complaint({ wrong, output }: Outcome): string {
  const printed = output === '' ? [] : ['output:', ...output.trimEnd().split('\n')];
  return [...wrong, ...printed].map((text) => `    ${text}`).join('\n');
}
