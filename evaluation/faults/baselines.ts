import { join } from 'node:path';
import type { Plan, RecordedRequest } from '../../test/support/fault-proxy.ts';
import { checkRegistry, type Expected, tagsOfReceipt } from './judge.ts';
import { isListing, WAYS, type Way } from './kind.ts';
import { DIRECTIONS, type Direction, hashOf, type Route, type Trial, type Worker, type Workspace } from './worker.ts';
import { NAMES, REFERRERS } from './workload.ts';

/** Requests and results of runs without faults, for one way to the registry. */
export interface Baseline {
  /**
   * Requests on the side whose requests fail. Of a pull: requests for the chart from a run with the chart, all others from
   * a run with its images only. Of a listing: those for the catalogue and for lists of tags.
   */
  readonly requests: Readonly<Record<Direction, readonly RecordedRequest[]>>;
  /** The bundle with the chart. */
  readonly bundle: string;
  /** SHA-256 of the bundles with the chart and with its images only. */
  readonly hashes: { readonly chart: string; readonly images: string };
  /** Content of the target after a run that writes to it. */
  readonly tags: Readonly<Record<Exclude<Direction, 'pull'>, Expected>>;
}

/** A baseline for each way to the registry. */
export type Baselines = Readonly<Record<Way, Baseline>>;

/** Runs each direction without faults, for every way to the registry. @throws Error if a run fails */
export async function recordBaselines(worker: Worker): Promise<Baselines> {
  const baselines: Partial<Record<Way, Baseline>> = {};
  for (const way of WAYS) baselines[way] = await recordBaseline(worker, way);
  return baselines as Baselines;
}

async function recordBaseline(worker: Worker, way: Way): Promise<Baseline> {
  const calm = async (
    direction: Direction,
    args: (workspace: Workspace, route: Route) => string[],
  ): Promise<{ trial: Trial; workspace: Workspace }> => {
    const route = routeOf(direction, way);
    for (let times = 1; ; times++) {
      const workspace = worker.createWorkspace();
      const trial = await worker.run(args(workspace, route), workspace, route);
      // On a busy machine answers come too late: such a run has retries, or fails.
      const isBusy = /\bretr(?:y|ies|ying)\b/i.test(trial.err);
      if (trial.code !== 0 && !isBusy) throw new Error(`a ${direction} without faults fails: ${trial.err}`);
      if (!isBusy) return { trial, workspace };
      if (times === 10) throw new Error(`runs without faults have retries: ${trial.err}`);
    }
  };
  const whole = await calm('pull', (workspace) => worker.pullArgs(workspace, { chart: true, way }));
  const images = await calm('pull', (workspace) => worker.pullArgs(workspace, { chart: false, way }));
  const bundle = whole.workspace.file;
  const push = await calm('push', (workspace) => worker.pushArgs(workspace, bundle, way));
  const from = await calm('mirror from', (workspace, route) => worker.mirrorArgs(workspace, route, false));
  const to = await calm('mirror to', (workspace, route) => worker.mirrorArgs(workspace, route, false));
  const listing = await calm('mirror listing', (workspace, route) => worker.mirrorArgs(workspace, route, true));
  return {
    requests: {
      pull: [
        ...whole.trial.requests.source.filter(isOfChart),
        ...images.trial.requests.source.filter((recorded) => !isOfChart(recorded)),
      ],
      push: push.trial.requests.target,
      'mirror from': from.trial.requests.source,
      'mirror to': to.trial.requests.target,
      'mirror listing': listing.trial.requests.source.filter(isListing),
    },
    bundle,
    hashes: { chart: hashOf(bundle), images: hashOf(images.workspace.file) },
    tags: {
      push: await contentAfter(worker, push.workspace, NAMES.length),
      'mirror from': await contentAfter(worker, from.workspace, NAMES.length - 1),
      'mirror to': await contentAfter(worker, to.workspace, NAMES.length - 1),
      'mirror listing': await contentAfter(worker, listing.workspace, NAMES.length),
    },
  };
}

/** Returns the content that the receipt of a run without faults claims. @throws Error if the target lacks some of it */
async function contentAfter(worker: Worker, { folder, name }: Workspace, images: number): Promise<Expected> {
  const tags = tagsOfReceipt(join(folder, 'receipt.json'), name);
  const wrong = await checkRegistry(worker.registries.target.host, name, tags);
  if (tags.size !== images + REFERRERS || wrong.length > 0)
    throw new Error(`a run without faults is incomplete: ${[...tags.keys(), ...wrong].join('; ')}`);
  return tags;
}

/** Returns the route of a run: the side whose requests fail, with the way to it. */
export function routeOf(direction: Direction, way: Way = 'direct', plan?: Plan): Route {
  return { side: DIRECTIONS[direction], way, plan };
}

export function isOfChart({ step }: Pick<RecordedRequest, 'step'>): boolean {
  return step.includes('charts/demo');
}
