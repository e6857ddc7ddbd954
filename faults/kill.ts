import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { airgap, type Run } from '../test/support/cli.ts';
import { pass, type RecordedRequest } from '../test/support/fault-proxy.ts';
import { checkBundle, checkLog, checkNoBundle, checkRegistry } from './judge.ts';
import type { Kind } from './kind.ts';
import { type Baseline, type Baselines, type Case, type Outcome, stepOfRequest } from './sweep.ts';
import { type Direction, filesIn, stepOf, type Worker, type Workspace } from './worker.ts';

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
    if (testCase.direction === 'pull') wrong.push(...checkNoBundle(workspace, true));
    else wrong.push(...(await judgeStopped(worker, workspace)));
    worker.proxy.begin();
    const second = await start(worker, baseline, testCase, workspace);
    if (second.code !== 0) wrong.push(`the second run fails: ${second.stderr}`);
    else if (testCase.direction === 'pull') wrong.push(...checkBundle(workspace, baseline.hashes.chart));
    else wrong.push(...(await checkRegistry(worker.source.host, workspace.name, baseline.tags)));
    return { ...testCase, verdict: wrong.length > 0 ? 'bad' : 'recovered', wrong, output: killed.stderr };
  } finally {
    worker.removeWorkspace(workspace);
  }
}

function start(
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
  return start(worker, baseline, testCase, workspace, reached.promise);
}

/** Checks that the log of a killed push is true. */
async function judgeStopped(worker: Worker, workspace: Workspace): Promise<string[]> {
  const files = filesIn(workspace.folder);
  const wrong = files.includes('receipt.json') ? ['it writes a receipt'] : [];
  if (!files.includes('log')) return wrong;
  const log = readFileSync(join(workspace.folder, 'log'), 'utf8');
  return [...wrong, ...(await checkLog(worker.source.host, workspace.name, log))];
}
