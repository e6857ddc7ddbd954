import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hurry } from '../../faults/clock.ts';
import { attemptKill, killsOf } from '../../faults/kill.ts';
import { GONE, KINDS } from '../../faults/kinds.ts';
import { type Direction, Lane } from '../../faults/lane.ts';
import { describe as lineOf } from '../../faults/report.ts';
import { attempt, type Case, casesOf, type Outcome, type Reference, refer } from '../../faults/sweep.ts';
import { startSource } from '../../faults/workload.ts';
import { scratchFolder } from '../support/cli.ts';
import type { TestRegistry } from '../support/registry.ts';

/**
 * Of the sweep of `npm run faults` a fixed selection: every kind of fault in both directions, each at another of its
 * steps. What is tried is printed.
 */

let source: TestRegistry;
let lane: Lane;
let direct: Reference;
let proxied: Reference;
let restore: () => void;

beforeAll(async () => {
  restore = hurry();
  const folder = scratchFolder();
  source = await startSource(folder);
  lane = await Lane.start(source, folder);
  direct = await refer(lane, false);
  proxied = await refer(lane, true);
});
afterAll(async () => {
  await lane.proxy.stop();
  await source.stop();
  restore();
});

/** One case of many: far from that of the kind before, and the same in each run. */
function chosen(cases: readonly Case[], at: number): Case {
  const one = cases[(at * 11) % cases.length];
  if (one === undefined) throw new Error('there is no step for it');
  return one;
}

function expectGood(outcome: Outcome): void {
  console.log(`${outcome.verdict}: ${lineOf(outcome)}`);
  expect(outcome.wrong, `${lineOf(outcome)}\n${outcome.said}`).toEqual([]);
}

const WRITES_ONLY = /upload|immutable|full registry|lost write|of what is sent|reads in drops/;

describe.each(['pull', 'push'] as const)('%s', (direction: Direction) => {
  for (const [at, { row, variant }] of [...KINDS, GONE].entries()) {
    if (direction === 'pull' && WRITES_ONLY.test(`${row} ${variant}`)) continue;
    test(`${row}: ${variant}`, async () => {
      const cases = casesOf(direction, direct, proxied, source.repositories);
      const one = chosen(
        cases.filter(({ kind }) => kind.row === row && kind.variant === variant),
        at,
      );
      expectGood(await attempt(lane, one.kind.proxied ? proxied : direct, one));
    });
  }

  test.each([0.3, 0.9])('kill -9 at %d of the requests', async (share) => {
    const cases = killsOf(direction, direct);
    const one = cases[Math.floor(share * cases.length)] as Case;
    expectGood(await attemptKill(lane, direct, one));
  });
});
