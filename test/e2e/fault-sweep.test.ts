import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Baselines, recordBaselines } from '../../evaluation/faults/baselines.ts';
import { GONE, KINDS } from '../../evaluation/faults/kinds.ts';
import {
  type Case,
  casesOf,
  describe,
  killsOf,
  type Outcome,
  tryFault,
  tryKill,
} from '../../evaluation/faults/sweep.ts';
import { DIRECTIONS, type Direction, type Registries, type Trial, Worker } from '../../evaluation/faults/worker.ts';
import { startRegistries } from '../../evaluation/faults/workload.ts';
import { useFastClock } from '../support/fast-clock.ts';
import { scratchFolder } from '../support/scratch.ts';

/**
 * A fixed selection of the sweep of `npm run faults`: every kind of fault once, in turn on a pull, a push and a mirror, each
 * at another step. Prints every case. A few errors are kept whole in golden/.
 */

const ALL = Object.keys(DIRECTIONS) as Direction[];

let registries: Registries;
let worker: Worker;
let baselines: Baselines;
let restore: () => void;

beforeAll(async () => {
  restore = useFastClock();
  const folder = scratchFolder();
  registries = await startRegistries(folder);
  worker = await Worker.start(registries, folder);
  baselines = await recordBaselines(worker);
});
afterAll(async () => {
  await worker.stop();
  for (const registry of Object.values(registries)) await registry.stop();
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
  expect(outcome.wrong, `${describe(outcome)}\n${outcome.output}`).toEqual([]);
}

/** Replaces what is different in each run. */
function masked(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
    .replaceAll(/case-[\d-]+/g, 'PREFIX')
    .replaceAll(/\/\S*\/worker-[^/]+/g, 'HOME')
    .replaceAll(/\b[\da-f]{64}\b/g, 'DIGEST');
}

for (const [index, { row, variant }] of [...KINDS, GONE].entries()) {
  test(`${row}: ${variant}`, async () => {
    const cases = ALL.map((direction) =>
      casesOf(direction, baselines, registries.target.repositories).filter(
        // Helm retries these statuses for a long time, and decides by itself which faults it survives.
        ({ kind, byHelm }) =>
          kind.row === row && kind.variant === variant && !(byHelm && (kind.harmless || /429|500|520/.test(row))),
      ),
    );
    // The directions take turns, where the fault applies to all.
    const ordered = [...cases.slice(index % cases.length), ...cases.slice(0, index % cases.length)];
    const picked = pickCase(ordered.find(({ length }) => length > 0) ?? [], index);
    expectGood(await tryFault(worker, baselines, picked));
  });
}

test.each(ALL)('kill -9 of a %s', async (direction) => {
  const cases = killsOf(direction, baselines);
  const picked = cases[Math.floor(0.9 * cases.length)] as Case;
  expectGood(await tryKill(worker, baselines, picked));
});

// At steps that do not depend on the order of requests.
test.each([
  ['pull', '403: once', 'GET /v2/team/tool/manifests/2 #1'],
  ['push', 'upload refused: 413 of a proxy', 'PUT /v2/charts/demo/blobs/uploads/SESSION'],
  ['push', 'immutable conflict: with other content', 'PUT /v2/charts/demo/manifests/1.0.0 #1'],
] as const)('the whole error of a %s, %s', async (direction, name, step) => {
  const cases = casesOf(direction, baselines, registries.target.repositories)
    .filter(({ kind, step: of }) => `${kind.row}: ${kind.variant}` === name && of.startsWith(step))
    .toSorted((a, b) => (a.step < b.step ? -1 : 1));
  const outcome = await tryFault(worker, baselines, cases[0] as Case);
  expectGood(outcome);
  const file = name.replaceAll(/[^\da-z]+/g, '-');
  await expect(masked(outcome.output)).toMatchFileSnapshot(`golden/fault-${file}.txt`);
});

test('a repeated push asks for tags, and for no blob', async () => {
  const { bundle } = baselines.direct;
  const workspace = worker.createWorkspace();
  const push = (): Promise<Trial> => worker.run(worker.pushArgs(workspace, bundle), workspace, { side: 'target' });
  expect((await push()).requests.target.some(({ path }) => path.includes('/blobs/'))).toBe(true);
  const { code, requests } = await push();
  expect(code).toBe(0);
  expect(requests.target.filter(({ path }) => /\/blobs\//.test(path))).toEqual([]);
  expect(requests.target.reduce((sum, { sent }) => sum + sent, 0)).toBe(0);
  worker.removeWorkspace(workspace);
});
