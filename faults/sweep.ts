import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Passage, Plan } from '../test/support/fault-proxy.ts';
import {
  type Expected,
  errorOf,
  faultsOfAny,
  faultsOfBundle,
  faultsOfFailure,
  faultsOfLog,
  faultsOfNoBundle,
  faultsOfRegistry,
  receiptOf,
} from './judge.ts';
import { type Kind, reaches, WAYS, type Way } from './kind.ts';
import { deleted, GONE, KINDS } from './kinds.ts';
import { type Direction, filesIn, hashOf, type Lane, type Place, stepOf, type Trial } from './lane.ts';
import { NAMES, REFERRERS } from './workload.ts';

/** Requests and results of runs without faults, for one way to the registry. */
export interface Reference {
  /** Requests for the chart from a run with the chart, all others from a run with its images only. */
  readonly pull: readonly Passage[];
  readonly push: readonly Passage[];
  /** The bundle with the chart. */
  readonly bundle: string;
  /** SHA-256 of the bundles with the chart and with its images only. */
  readonly hashes: { readonly chart: string; readonly images: string };
  /** Content of the registry after a push. */
  readonly tags: Expected;
}

/** A reference for each way to the registry. */
export type References = Readonly<Record<Way, Reference>>;

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
  readonly said: string;
}

/** Runs pull and push without faults, for every way to the registry. @throws Error if a run fails */
export async function refer(lane: Lane): Promise<References> {
  const references: Partial<Record<Way, Reference>> = {};
  for (const way of WAYS) references[way] = await referOne(lane, way);
  return references as References;
}

async function referOne(lane: Lane, way: Way): Promise<Reference> {
  const calm = async (args: (place: Place) => string[]): Promise<{ trial: Trial; place: Place }> => {
    for (let times = 1; ; times++) {
      const place = lane.place();
      const trial = await lane.run(args(place), place, way);
      // On a busy machine answers come too late: such a run has retries, or fails.
      const isBusy = /\bretr(?:y|ies|ying)\b/i.test(trial.err);
      if (trial.code !== 0 && !isBusy) throw new Error(`a run without faults fails: ${trial.err}`);
      if (!isBusy) return { trial, place };
      if (times === 10) throw new Error(`runs without faults have retries: ${trial.err}`);
    }
  };
  const whole = await calm((place) => lane.pullArgs(place, { chart: true, way }));
  const images = await calm((place) => lane.pullArgs(place, { chart: false, way }));
  const bundle = whole.place.file;
  const { trial: push, place: sent } = await calm((place) => lane.pushArgs(place, bundle, way));
  const tags = receiptOf(join(sent.folder, 'receipt.json'), sent.name);
  const wrong = await faultsOfRegistry(lane.source.host, sent.name, tags);
  if (tags.size !== NAMES.length + REFERRERS || wrong.length > 0)
    throw new Error(`push without faults is incomplete: ${wrong.join('; ')}`);
  const pull = [
    ...whole.trial.passages.filter(isOfChart),
    ...images.trial.passages.filter((passage) => !isOfChart(passage)),
  ];
  const hashes = { chart: hashOf(bundle), images: hashOf(images.place.file) };
  return { pull, push: push.passages, bundle, hashes, tags };
}

function isOfChart({ step }: Pick<Passage, 'step'>): boolean {
  return step.includes('charts/demo');
}

/**
 * Returns all cases: each kind of fault at each step that it applies to.
 * @param repositories storage folder of the target registry
 */
export function casesOf(direction: Direction, references: References, repositories: string): Case[] {
  const kinds = [...KINDS, direction === 'pull' ? GONE : deleted(repositories)];
  return kinds.flatMap((kind) =>
    references[kind.way ?? 'direct'][direction]
      .filter(kind.applies)
      .map((passage) => ({ direction, kind, ...asked(passage) })),
  );
}

/** The parts of a case that come from its request. */
export function asked(passage: Passage): Pick<Case, 'step' | 'byHelm'> {
  return { step: stepOf(passage), byHelm: passage.agent.startsWith('Helm/') };
}

/** Tries one case: a run with the fault and, if it fails, one without. */
export async function attempt(lane: Lane, references: References, one: Case): Promise<Outcome> {
  const reference = references[one.kind.way ?? 'direct'];
  const place = lane.place();
  const fired = { times: 0 };
  const plan = planOf(one, fired);
  try {
    const first = await run(lane, reference, one, place, plan);
    const wrong = [...faultsOfAny(first, place)];
    if (fired.times === 0) wrong.push('the step never came');
    if (first.code === 0) {
      wrong.push(...(await judgeDone(lane, reference, one, place)));
      return { ...one, verdict: wrong.length > 0 ? 'bad' : 'completed', wrong, said: '' };
    }
    if (one.kind.harmless && !one.byHelm) wrong.push('it fails');
    const isSingle = ['once', 'storm', 'step'].includes(one.kind.reach);
    wrong.push(...faultsOfFailure(first, one.step, isSingle), ...(await judgeFailed(lane, one, place)));
    const second = await run(lane, reference, one, place);
    wrong.push(...[...faultsOfAny(second, place)].map((fault) => `second run: ${fault}`));
    if (second.code !== 0) wrong.push(`the second run fails: ${errorOf(second.err)}`);
    else wrong.push(...(await judgeDone(lane, reference, one, place)).map((fault) => `second run: ${fault}`));
    return { ...one, verdict: wrong.length > 0 ? 'bad' : 'recovered', wrong, said: errorOf(first.err) };
  } finally {
    lane.leave(place);
  }
}

/** From the step on, as far as the fault reaches. */
function planOf({ kind, step }: Case, fired: { times: number }): Plan {
  let at: Passage | undefined;
  return (passage) => {
    if (at === undefined ? stepOf(passage) !== step : !reaches(kind.reach, at, passage, fired.times)) return undefined;
    at ??= passage;
    fired.times++;
    return fired.times === 1 ? kind.inject : (kind.then ?? kind.inject);
  };
}

function run(lane: Lane, { bundle }: Reference, one: Case, place: Place, plan?: Plan): Promise<Trial> {
  const { way, conflict } = one.kind;
  if (one.direction === 'pull') {
    return lane.run(lane.pullArgs(place, { chart: isOfChart(one), way }), place, way, plan);
  }
  const again = plan === undefined && conflict ? ['--on-existing-tag', 'overwrite'] : [];
  return lane.run([...lane.pushArgs(place, bundle, way), ...again], place, way, plan);
}

async function judgeDone(lane: Lane, reference: Reference, one: Case, place: Place): Promise<string[]> {
  if (one.direction === 'pull')
    return [...faultsOfBundle(place, reference.hashes[isOfChart(one) ? 'chart' : 'images'])];
  const receipt = receiptOf(join(place.folder, 'receipt.json'), place.name);
  const missing = [...reference.tags].filter(([name, digest]) => receipt.get(name) !== digest);
  return [
    ...missing.map(([name]) => `the receipt lacks ${name}`),
    ...(await faultsOfRegistry(lane.source.host, place.name, reference.tags)),
  ];
}

async function judgeFailed(lane: Lane, one: Case, place: Place): Promise<string[]> {
  if (one.direction === 'pull') return [...faultsOfNoBundle(place)];
  const wrong = filesIn(place.folder).includes('receipt.json') ? ['it writes a receipt'] : [];
  if (one.kind.lies) return wrong;
  return [
    ...wrong,
    ...(await faultsOfLog(lane.source.host, place.name, readFileSync(join(place.folder, 'log'), 'utf8'))),
  ];
}
