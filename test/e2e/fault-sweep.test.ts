import { afterAll, beforeAll, expect, test } from 'vitest';
import { hurry } from '../../faults/clock.ts';
import { attemptKill, killsOf } from '../../faults/kill.ts';
import { GONE, KINDS } from '../../faults/kinds.ts';
import { Lane, type Trial } from '../../faults/lane.ts';
import { describe } from '../../faults/report.ts';
import { attempt, type Case, casesOf, type Outcome, type References, refer } from '../../faults/sweep.ts';
import { startSource } from '../../faults/workload.ts';
import type { TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/**
 * Of the sweep of `npm run faults` a fixed selection: every kind of fault once, by turns on a pull and on a push, each at
 * another step. What is tried is printed.
 */

const DIRECTIONS = ['pull', 'push'] as const;

let source: TestRegistry;
let lane: Lane;
let references: References;
let restore: () => void;

beforeAll(async () => {
  restore = hurry();
  const folder = scratchFolder();
  source = await startSource(folder);
  lane = await Lane.start(source, folder);
  references = await refer(lane);
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
  console.log(`${outcome.verdict}: ${describe(outcome)}`);
  expect(outcome.wrong, `${describe(outcome)}\n${outcome.said}`).toEqual([]);
}

for (const [at, { row, variant }] of [...KINDS, GONE].entries()) {
  test(`${row}: ${variant}`, async () => {
    const cases = DIRECTIONS.map((direction) =>
      casesOf(direction, references, source.repositories).filter(
        // Helm waits long before it gives up on a server that says so.
        ({ kind, byHelm }) => kind.row === row && kind.variant === variant && !(byHelm && /429|500|520/.test(row)),
      ),
    );
    // Pull and push by turns, where it can happen in both.
    const turns = at % 2 === 0 ? cases : cases.toReversed();
    const one = chosen(turns.find(({ length }) => length > 0) ?? [], at);
    expectGood(await attempt(lane, references, one));
  });
}

test.each(DIRECTIONS)('kill -9 of a %s', async (direction) => {
  const cases = killsOf(direction, references);
  const one = cases[Math.floor(0.9 * cases.length)] as Case;
  expectGood(await attemptKill(lane, references, one));
});

test('a push of what is there asks for tags, and for no blob', async () => {
  const { bundle } = references.direct;
  const place = lane.place();
  const push = (): Promise<Trial> => lane.run(lane.pushArgs(place, bundle), place);
  expect((await push()).passages.some(({ path }) => path.includes('/blobs/'))).toBe(true);
  const { code, passages } = await push();
  expect(code).toBe(0);
  expect(passages.filter(({ path }) => /\/blobs\//.test(path))).toEqual([]);
  expect(passages.reduce((sum, { sent }) => sum + sent, 0)).toBe(0);
  lane.leave(place);
});
