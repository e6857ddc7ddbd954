import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { airgap, type Run } from '../../test/support/cli.ts';
import { type Plan, pass, type RecordedRequest } from '../../test/support/fault-proxy.ts';
import {
  checkBundle,
  checkFailure,
  checkLog,
  checkNoBundle,
  checkRegistry,
  checkRun,
  type Expected,
  errorOf,
  tagsOfReceipt,
} from './judge.ts';
import { type Kind, reaches, WAYS, type Way } from './kind.ts';
import { deleted, GONE, KINDS } from './kinds.ts';
import { type Direction, filesIn, hashOf, stepOf, type Trial, type Worker, type Workspace } from './worker.ts';
import { NAMES, REFERRERS } from './workload.ts';

/** Requests and results of runs without faults, for one way to the registry. */
interface Baseline {
  /** Requests for the chart from a run with the chart, all others from a run with its images only. */
  readonly pull: readonly RecordedRequest[];
  readonly push: readonly RecordedRequest[];
  /** The bundle with the chart. */
  readonly bundle: string;
  /** SHA-256 of the bundles with the chart and with its images only. */
  readonly hashes: { readonly chart: string; readonly images: string };
  /** Content of the registry after a push. */
  readonly tags: Expected;
}

/** A baseline for each way to the registry. */
export type Baselines = Readonly<Record<Way, Baseline>>;

/** One fault at one step. */
export interface Case {
  readonly direction: Direction;
  readonly kind: Kind;
  readonly step: string;
  /** Helm makes this request, with its own retries, in real time. */
  readonly byHelm: boolean;
}

export interface Outcome extends Case {
  /** `recovered`: the run failed as it should, and the second run completed. */
  verdict: 'completed' | 'recovered' | 'bad';
  /** Violated expectations. */
  readonly wrong: string[];
  /** Stderr of the first run, if it failed. */
  readonly output: string;
}

/** Describes a case in one line. */
export function describe({ direction, kind, step }: Pick<Case, 'direction' | 'kind' | 'step'>): string {
  return `${direction}, ${kind.row} (${kind.variant}), ${step}`;
}

/** Runs pull and push without faults, for every way to the registry. @throws Error if a run fails */
export async function recordBaselines(worker: Worker): Promise<Baselines> {
  const baselines: Partial<Record<Way, Baseline>> = {};
  for (const way of WAYS) baselines[way] = await recordBaseline(worker, way);
  return baselines as Baselines;
}

async function recordBaseline(worker: Worker, way: Way): Promise<Baseline> {
  const calm = async (args: (workspace: Workspace) => string[]): Promise<{ trial: Trial; workspace: Workspace }> => {
    for (let times = 1; ; times++) {
      const workspace = worker.createWorkspace();
      const trial = await worker.run(args(workspace), workspace, way);
      // On a busy machine answers come too late: such a run has retries, or fails.
      const isBusy = /\bretr(?:y|ies|ying)\b/i.test(trial.err);
      if (trial.code !== 0 && !isBusy) throw new Error(`a run without faults fails: ${trial.err}`);
      if (!isBusy) return { trial, workspace };
      if (times === 10) throw new Error(`runs without faults have retries: ${trial.err}`);
    }
  };
  const whole = await calm((workspace) => worker.pullArgs(workspace, { chart: true, way }));
  const images = await calm((workspace) => worker.pullArgs(workspace, { chart: false, way }));
  const bundle = whole.workspace.file;
  const { trial: push, workspace: sent } = await calm((workspace) => worker.pushArgs(workspace, bundle, way));
  const tags = tagsOfReceipt(join(sent.folder, 'receipt.json'), sent.name);
  const wrong = await checkRegistry(worker.source.host, sent.name, tags);
  if (tags.size !== NAMES.length + REFERRERS || wrong.length > 0)
    throw new Error(`push without faults is incomplete: ${wrong.join('; ')}`);
  const pull = [
    ...whole.trial.requests.filter(isOfChart),
    ...images.trial.requests.filter((recorded) => !isOfChart(recorded)),
  ];
  const hashes = { chart: hashOf(bundle), images: hashOf(images.workspace.file) };
  return { pull, push: push.requests, bundle, hashes, tags };
}

function isOfChart({ step }: Pick<RecordedRequest, 'step'>): boolean {
  return step.includes('charts/demo');
}

/**
 * Returns all cases: each kind of fault at each step that it applies to.
 * @param repositories storage folder of the target registry
 */
export function casesOf(direction: Direction, baselines: Baselines, repositories: string): Case[] {
  const kinds = [...KINDS, direction === 'pull' ? GONE : deleted(repositories)];
  return kinds.flatMap((kind) =>
    baselines[kind.way ?? 'direct'][direction]
      .filter(kind.applies)
      .map((recorded) => ({ direction, kind, ...stepOfRequest(recorded) })),
  );
}

/** The parts of a case that come from its request. */
function stepOfRequest(recorded: RecordedRequest): Pick<Case, 'step' | 'byHelm'> {
  return { step: stepOf(recorded), byHelm: recorded.agent.startsWith('Helm/') };
}

/** Tries one case: a run with the fault and, if it fails, one without. */
export async function tryFault(worker: Worker, baselines: Baselines, testCase: Case): Promise<Outcome> {
  const baseline = baselines[testCase.kind.way ?? 'direct'];
  const workspace = worker.createWorkspace();
  const fired = { times: 0 };
  const plan = planOf(testCase, fired);
  try {
    const first = await run(worker, baseline, testCase, workspace, plan);
    const wrong = [...checkRun(first, workspace)];
    if (fired.times === 0) wrong.push('the step never came');
    if (first.code === 0) {
      wrong.push(...(await judgeDone(worker, baseline, testCase, workspace)));
      return { ...testCase, verdict: wrong.length > 0 ? 'bad' : 'completed', wrong, output: '' };
    }
    if (testCase.kind.harmless && !testCase.byHelm) wrong.push('it fails');
    const isSingle = ['once', 'storm', 'step'].includes(testCase.kind.reach);
    wrong.push(...checkFailure(first, testCase.step, isSingle), ...(await judgeFailed(worker, testCase, workspace)));
    const second = await run(worker, baseline, testCase, workspace);
    wrong.push(...[...checkRun(second, workspace)].map((fault) => `second run: ${fault}`));
    if (second.code !== 0) wrong.push(`the second run fails: ${errorOf(second.err)}`);
    else wrong.push(...(await judgeDone(worker, baseline, testCase, workspace)).map((fault) => `second run: ${fault}`));
    return { ...testCase, verdict: wrong.length > 0 ? 'bad' : 'recovered', wrong, output: errorOf(first.err) };
  } finally {
    worker.removeWorkspace(workspace);
  }
}

/** From the step on, as far as the fault reaches. */
function planOf({ kind, step }: Case, fired: { times: number }): Plan {
  let at: RecordedRequest | undefined;
  return (recorded) => {
    if (at === undefined ? stepOf(recorded) !== step : !reaches(kind.reach, at, recorded, fired.times))
      return undefined;
    at ??= recorded;
    fired.times++;
    return fired.times === 1 ? kind.inject : (kind.then ?? kind.inject);
  };
}

function run(worker: Worker, { bundle }: Baseline, testCase: Case, workspace: Workspace, plan?: Plan): Promise<Trial> {
  const { way, conflict } = testCase.kind;
  if (testCase.direction === 'pull') {
    return worker.run(worker.pullArgs(workspace, { chart: isOfChart(testCase), way }), workspace, way, plan);
  }
  const again = plan === undefined && conflict ? ['--on-existing-tag', 'overwrite'] : [];
  return worker.run([...worker.pushArgs(workspace, bundle, way), ...again], workspace, way, plan);
}

async function judgeDone(worker: Worker, baseline: Baseline, testCase: Case, workspace: Workspace): Promise<string[]> {
  if (testCase.direction === 'pull')
    return [...checkBundle(workspace, baseline.hashes[isOfChart(testCase) ? 'chart' : 'images'])];
  const receipt = tagsOfReceipt(join(workspace.folder, 'receipt.json'), workspace.name);
  const missing = [...baseline.tags].filter(([name, digest]) => receipt.get(name) !== digest);
  return [
    ...missing.map(([name]) => `the receipt lacks ${name}`),
    ...(await checkRegistry(worker.source.host, workspace.name, baseline.tags)),
  ];
}

/** @param isKilled the run may not have begun its log, and could not remove its lock */
async function judgeFailed(worker: Worker, testCase: Case, workspace: Workspace, isKilled = false): Promise<string[]> {
  if (testCase.direction === 'pull') return [...checkNoBundle(workspace, isKilled)];
  const files = filesIn(workspace.folder);
  const wrong = files.includes('receipt.json') ? ['it writes a receipt'] : [];
  if (testCase.kind.lies || (isKilled && !files.includes('log'))) return wrong;
  const log = readFileSync(join(workspace.folder, 'log'), 'utf8');
  return [...wrong, ...(await checkLog(worker.source.host, workspace.name, log))];
}

/** The process is killed at a request and cannot clean up. Runs the built plugin as a child process. */
const KILLED: Kind = {
  row: 'kill -9',
  variant: 'of the plugin, once the registry has the request',
  reach: 'once',
  applies: () => true,
  inject: pass,
};

/** One case for each request. */
export function killsOf(direction: Direction, { direct }: Baselines): Case[] {
  return direct[direction].map((recorded) => ({ direction, kind: KILLED, ...stepOfRequest(recorded) }));
}

/** Kills a run at a step, and judges the files that it leaves and the second run. */
export async function tryKill(worker: Worker, { direct: baseline }: Baselines, testCase: Case): Promise<Outcome> {
  const workspace = worker.createWorkspace();
  try {
    const killed = await runKilled(worker, baseline, testCase, workspace);
    const wrong = killed.code === 0 ? ['the step never came'] : [];
    wrong.push(...(await judgeFailed(worker, testCase, workspace, true)));
    worker.proxy.begin();
    const second = await runChild(worker, baseline, testCase, workspace);
    if (second.code !== 0) wrong.push(`the second run fails: ${second.stderr}`);
    else if (testCase.direction === 'pull') wrong.push(...checkBundle(workspace, baseline.hashes.chart));
    else wrong.push(...(await checkRegistry(worker.source.host, workspace.name, baseline.tags)));
    return { ...testCase, verdict: wrong.length > 0 ? 'bad' : 'recovered', wrong, output: killed.stderr };
  } finally {
    worker.removeWorkspace(workspace);
  }
}

function runChild(
  worker: Worker,
  { bundle }: Baseline,
  { direction }: Case,
  workspace: Workspace,
  when?: Promise<void>,
): Promise<Run> {
  const args = direction === 'pull' ? worker.pullArgs(workspace, { chart: true }) : worker.pushArgs(workspace, bundle);
  const interrupt = when === undefined ? {} : { interruptAt: { signal: 'SIGKILL', when } as const };
  return airgap(args, worker.home, { env: worker.env(workspace), cwd: workspace.folder, ...interrupt });
}

function runKilled(worker: Worker, baseline: Baseline, testCase: Case, workspace: Workspace): Promise<Run> {
  const reached = Promise.withResolvers<void>();
  worker.proxy.begin((recorded: RecordedRequest) => {
    if (stepOf(recorded) !== testCase.step) return undefined;
    reached.resolve();
    // Answers once the client is gone.
    return async (exchange) => {
      await once(exchange.incoming.socket, 'close');
      await pass(exchange);
    };
  });
  return runChild(worker, baseline, testCase, workspace, reached.promise);
}
