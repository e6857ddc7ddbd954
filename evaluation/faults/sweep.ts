import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { airgap, type Run } from '../../test/support/cli.ts';
import { type Plan, pass, type RecordedRequest } from '../../test/support/fault-proxy.ts';
import { type Baseline, type Baselines, isOfChart, routeOf } from './baselines.ts';
import {
  checkBundle,
  checkFailure,
  checkLog,
  checkNoBundle,
  checkRegistry,
  checkRun,
  errorOf,
  tagsOfReceipt,
} from './judge.ts';
import { type Kind, reaches } from './kind.ts';
import { deleted, GONE, KINDS } from './kinds.ts';
import {
  DIRECTIONS,
  type Direction,
  filesIn,
  type Route,
  stepOf,
  type Trial,
  type Worker,
  type Workspace,
} from './worker.ts';

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

/**
 * Returns all cases: each kind of fault at each step that it applies to.
 * @param repositories storage folder of the target registry
 */
export function casesOf(direction: Direction, baselines: Baselines, repositories: string): Case[] {
  const kinds = [...KINDS, DIRECTIONS[direction] === 'source' ? GONE : deleted(repositories)];
  return kinds.flatMap((kind) =>
    baselines[kind.way ?? 'direct'].requests[direction]
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
    else
      wrong.push(
        ...(await judgeDone(worker, baseline, testCase, workspace, true)).map((fault) => `second run: ${fault}`),
      );
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

function run(worker: Worker, baseline: Baseline, testCase: Case, workspace: Workspace, plan?: Plan): Promise<Trial> {
  const { direction, kind } = testCase;
  const route = routeOf(direction, kind.way, plan);
  const isSecondWrite = plan === undefined && DIRECTIONS[direction] === 'target';
  const again = isSecondWrite && kind.conflict ? ['--on-existing-tag', 'overwrite'] : [];
  return worker.run([...argsOf(worker, baseline, testCase, workspace, route), ...again], workspace, route);
}

function argsOf(
  worker: Worker,
  { bundle }: Baseline,
  testCase: Pick<Case, 'direction' | 'step'>,
  workspace: Workspace,
  route: Route,
): string[] {
  const { direction } = testCase;
  if (direction === 'pull') return worker.pullArgs(workspace, { chart: isOfChart(testCase), way: route.way });
  if (direction === 'push') return worker.pushArgs(workspace, bundle, route.way);
  return worker.mirrorArgs(workspace, route, direction === 'mirror listing');
}

/** @param isSecond the run comes after a failed one */
async function judgeDone(
  worker: Worker,
  baseline: Baseline,
  testCase: Case,
  workspace: Workspace,
  isSecond = false,
): Promise<string[]> {
  if (testCase.direction === 'pull')
    return [...checkBundle(workspace, baseline.hashes[isOfChart(testCase) ? 'chart' : 'images'])];
  const tags = baseline.tags[testCase.direction];
  const receipt = tagsOfReceipt(join(workspace.folder, 'receipt.json'), workspace.name);
  // A mirror does not read what the target has already: its receipt has the image, and not the image's referrers.
  const isReferrer = (name: string): boolean => /:sha256[:-]/.test(name);
  const isKnown = (name: string): boolean => isSecond && testCase.direction !== 'push' && isReferrer(name);
  const missing = [...tags].filter(([name, digest]) => receipt.get(name) !== digest && !isKnown(name));
  return [
    ...missing.map(([name]) => `the receipt lacks ${name}`),
    ...(await checkRegistry(worker.registries.target.host, workspace.name, tags)),
  ];
}

/** @param isKilled the run may not have begun its log, and could not remove its lock */
async function judgeFailed(worker: Worker, testCase: Case, workspace: Workspace, isKilled = false): Promise<string[]> {
  if (testCase.direction === 'pull') return [...checkNoBundle(workspace, isKilled)];
  const files = filesIn(workspace.folder);
  const wrong = files.includes('receipt.json') ? ['it writes a receipt'] : [];
  if (testCase.kind.lies || (isKilled && !files.includes('log'))) return wrong;
  const log = readFileSync(join(workspace.folder, 'log'), 'utf8');
  return [...wrong, ...(await checkLog(worker.registries.target.host, workspace.name, log))];
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
  return direct.requests[direction].map((recorded) => ({ direction, kind: KILLED, ...stepOfRequest(recorded) }));
}

/** Kills a run at a step, and judges the files that it leaves and the second run. */
export async function tryKill(worker: Worker, { direct: baseline }: Baselines, testCase: Case): Promise<Outcome> {
  const workspace = worker.createWorkspace();
  try {
    const killed = await runKilled(worker, baseline, testCase, workspace);
    const wrong = killed.code === 0 ? ['the step never came'] : [];
    wrong.push(...(await judgeFailed(worker, testCase, workspace, true)));
    worker.begin(routeOf(testCase.direction));
    const second = await runChild(worker, baseline, testCase, workspace);
    if (second.code !== 0) wrong.push(`the second run fails: ${second.stderr}`);
    else if (testCase.direction === 'pull') wrong.push(...checkBundle(workspace, baseline.hashes.chart));
    else {
      const tags = baseline.tags[testCase.direction];
      wrong.push(...(await checkRegistry(worker.registries.target.host, workspace.name, tags)));
    }
    return { ...testCase, verdict: wrong.length > 0 ? 'bad' : 'recovered', wrong, output: killed.stderr };
  } finally {
    worker.removeWorkspace(workspace);
  }
}

function runChild(
  worker: Worker,
  baseline: Baseline,
  { direction }: Case,
  workspace: Workspace,
  when?: Promise<void>,
): Promise<Run> {
  const route = routeOf(direction);
  const args =
    direction === 'pull'
      ? worker.pullArgs(workspace, { chart: true })
      : argsOf(worker, baseline, { direction, step: '' }, workspace, route);
  const interrupt = when === undefined ? {} : { interruptAt: { signal: 'SIGKILL', when } as const };
  return airgap(args, worker.home, { env: worker.env(workspace, route), cwd: workspace.folder, ...interrupt });
}

function runKilled(worker: Worker, baseline: Baseline, testCase: Case, workspace: Workspace): Promise<Run> {
  const reached = Promise.withResolvers<void>();
  const plan: Plan = (recorded) => {
    if (stepOf(recorded) !== testCase.step) return undefined;
    reached.resolve();
    // Answers once the client is gone.
    return async (exchange) => {
      await once(exchange.incoming.socket, 'close');
      await pass(exchange);
    };
  };
  worker.begin(routeOf(testCase.direction, undefined, plan));
  return runChild(worker, baseline, testCase, workspace, reached.promise);
}
