import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { airgap, type Run } from '../test/support/cli.ts';
import { type Passage, pass } from '../test/support/fault-proxy.ts';
import { faultsOfBundle, faultsOfLog, faultsOfNoBundle, faultsOfRegistry } from './judge.ts';
import type { Kind } from './kind.ts';
import { type Direction, filesIn, type Lane, type Place, stepOf } from './lane.ts';
import { asked, type Case, type Outcome, type Reference, type References } from './sweep.ts';

/** The process is killed at a request and cannot clean up. Runs the built plugin as a child process. */
const KILLED: Kind = {
  row: 'kill -9',
  variant: 'of the plugin, once the registry has the request',
  reach: 'once',
  applies: () => true,
  inject: pass,
};

/** One case for each request. */
export function killsOf(direction: Direction, { direct }: References): Case[] {
  return direct[direction].map((passage) => ({ direction, kind: KILLED, ...asked(passage) }));
}

/** Kills a run at a step, and judges the files that it leaves and the second run. */
export async function attemptKill(lane: Lane, { direct: reference }: References, one: Case): Promise<Outcome> {
  const place = lane.place();
  try {
    const killed = await runKilled(lane, reference, one, place);
    const wrong = killed.code === 0 ? ['the step never came'] : [];
    if (one.direction === 'pull') wrong.push(...faultsOfNoBundle(place, true));
    else wrong.push(...(await judgeStopped(lane, place)));
    lane.proxy.begin();
    const second = await start(lane, reference, one, place);
    if (second.code !== 0) wrong.push(`the second run fails: ${second.stderr}`);
    else if (one.direction === 'pull') wrong.push(...faultsOfBundle(place, reference.hashes.chart));
    else wrong.push(...(await faultsOfRegistry(lane.source.host, place.name, reference.tags)));
    return { ...one, verdict: wrong.length > 0 ? 'bad' : 'recovered', wrong, said: killed.stderr };
  } finally {
    lane.leave(place);
  }
}

function start(
  lane: Lane,
  { bundle }: Reference,
  { direction }: Case,
  place: Place,
  when?: Promise<void>,
): Promise<Run> {
  const args = direction === 'pull' ? lane.pullArgs(place, { chart: true }) : lane.pushArgs(place, bundle);
  const interrupt = when === undefined ? {} : { interruptAt: { signal: 'SIGKILL', when } as const };
  return airgap(args, lane.home, { env: lane.env(place), cwd: place.folder, ...interrupt });
}

function runKilled(lane: Lane, reference: Reference, one: Case, place: Place): Promise<Run> {
  const reached = Promise.withResolvers<void>();
  lane.proxy.begin((passage: Passage) => {
    if (stepOf(passage) !== one.step) return undefined;
    reached.resolve();
    // Answers once the client is gone.
    return async (exchange) => {
      await once(exchange.incoming.socket, 'close');
      await pass(exchange);
    };
  });
  return start(lane, reference, one, place, reached.promise);
}

/** Checks that the log of a killed push is true. */
async function judgeStopped(lane: Lane, place: Place): Promise<string[]> {
  const files = filesIn(place.folder);
  const wrong = files.includes('receipt.json') ? ['it writes a receipt'] : [];
  if (!files.includes('log')) return wrong;
  const log = readFileSync(join(place.folder, 'log'), 'utf8');
  return [...wrong, ...(await faultsOfLog(lane.source.host, place.name, log))];
}
