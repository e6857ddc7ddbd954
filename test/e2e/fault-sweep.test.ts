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
 * A fixed selection of the sweep of `npm run faults`: every kind of fault once, alternately on a pull and on a push, each at
 * another step. Prints every case.
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

/** Picks one case of many: far from that of the kind before, and the same in each run. */
function pickCase(cases: readonly Case[], index: number): Case {
  const picked = cases[(index * 11) % cases.length];
  if (picked === undefined) throw new Error('no step for this kind of fault');
  return picked;
}

function expectGood(outcome: Outcome): void {
  console.log(`${outcome.verdict}: ${describe(outcome)}`);
  expect(outcome.wrong, `${describe(outcome)}\n${outcome.said}`).toEqual([]);
}

for (const [index, { row, variant }] of [...KINDS, GONE].entries()) {
  test(`${row}: ${variant}`, async () => {
    const cases = DIRECTIONS.map((direction) =>
      casesOf(direction, references, source.repositories).filter(
        // Helm retries these statuses for a long time, and decides by itself which faults it survives.
        ({ kind, byHelm }) =>
          kind.row === row && kind.variant === variant && !(byHelm && (kind.harmless || /429|500|520/.test(row))),
      ),
    );
    // Pull and push alternate, where the fault applies to both.
    const ordered = index % 2 === 0 ? cases : cases.toReversed();
    const picked = pickCase(ordered.find(({ length }) => length > 0) ?? [], index);
    expectGood(await attempt(lane, references, picked));
  });
}

test.each(DIRECTIONS)('kill -9 of a %s', async (direction) => {
  const cases = killsOf(direction, references);
  const picked = cases[Math.floor(0.9 * cases.length)] as Case;
  expectGood(await attemptKill(lane, references, picked));
});

test('a repeated push asks for tags, and for no blob', async () => {
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
