import { beforeEach, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { RunState } from '../../../../src/cli/progress/state.ts';
import fc from '../../../support/property.ts';

let time = 0;
let state: RunState;
beforeEach(() => {
  time = 1_000_000;
  state = new RunState(() => time);
});

const MB = 1_000_000;
const [A, B, C] = ['sha256:a', 'sha256:b', 'sha256:c'];
const started = (digest: string, position?: number): AirgapEvent => ({
  type: 'blob',
  digest,
  bytes: 0,
  status: 'started',
  ...(position !== undefined && { position }),
});
const ended = (digest: string, status: 'done' | 'present' | 'failed' = 'done'): AirgapEvent => ({
  type: 'blob',
  digest,
  bytes: 0,
  status,
});
const bytes = (digest: string, count: number): AirgapEvent => ({ type: 'bytes', bytes: count, digest });
/** Two images of 10 MB, which share blob B of 4 MB. */
const PLAN: AirgapEvent = {
  type: 'plan',
  activity: 'fetching',
  items: { total: 2, noun: 'images' },
  blobs: [
    { digest: A, bytes: 6 * MB, owner: 'one' },
    { digest: B, bytes: 4 * MB, owner: 'one' },
    { digest: C, bytes: 6 * MB, owner: 'two' },
  ],
};

function play(...events: AirgapEvent[]) {
  for (const event of events) state.handle(event);
  return state.snapshot();
}

describe('a transfer', () => {
  it('counts shared blobs once, images when they are complete, and images in transfer', () => {
    const { transfer } = play(PLAN, started(A), bytes(A, 2 * MB), started(C), ended(B, 'present'));
    expect(transfer).toMatchObject({
      activity: 'fetching',
      items: { noun: 'images', done: 0, total: 2 },
      bytes: { done: 6 * MB, total: 16 * MB },
      percent: 37,
      active: [
        { name: 'one', bytes: { done: 6 * MB, total: 10 * MB } },
        { name: 'two', bytes: { done: 0, total: 6 * MB } },
      ],
    });
    play(bytes(A, 4 * MB), ended(A), { type: 'image', reference: 'one', digest: A });
    expect(state.snapshot().transfer).toMatchObject({ items: { done: 1 }, active: [{ name: 'two' }] });
    play(bytes(C, 6 * MB));
    expect(state.snapshot().transfer).toMatchObject({ percent: 99 });
    play(ended(C));
    expect(state.snapshot().transfer).toBeUndefined();
  });

  it('does not go backwards when a blob is sent again, and counts what an earlier run has', () => {
    play(PLAN, started(A), bytes(A, 5 * MB), started(A), bytes(A, MB));
    expect(state.snapshot().transfer?.bytes.done).toBe(5 * MB);
    play(bytes(A, 5 * MB));
    expect(state.snapshot().transfer?.bytes.done).toBe(6 * MB);
    play(started(C, 3 * MB));
    expect(state.snapshot().transfer?.bytes.done).toBe(9 * MB);
    expect(state.received).toBe(11 * MB);
  });

  it('never has a falling percentage or count of bytes, whatever happens', () => {
    const digest = fc.constantFrom(A, B, C);
    const event = fc.oneof(
      fc.record({ type: fc.constant('bytes' as const), bytes: fc.nat(7 * MB), digest }),
      fc.record({
        type: fc.constant('blob' as const),
        digest,
        bytes: fc.constant(0),
        status: fc.constantFrom('started', 'done', 'present', 'failed'),
        position: fc.nat(8 * MB),
      }),
      fc.constant({ ...PLAN, blobs: [{ digest: A, bytes: 6 * MB, owner: 'one' }] }),
      fc.record({ type: fc.constant('image' as const), reference: fc.constant('one'), digest }),
    ) as fc.Arbitrary<AirgapEvent>;
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const run = new RunState(() => time);
        run.handle(PLAN);
        let last = run.snapshot().transfer;
        for (const each of events) {
          run.handle(each);
          const next = run.snapshot().transfer;
          // A new transfer begins only after the last blob of the one before.
          if (next === undefined) return;
          expect(next.percent).toBeGreaterThanOrEqual(last?.percent ?? 0);
          expect(next.bytes.done).toBeGreaterThanOrEqual(last?.bytes.done ?? 0);
          expect(next.bytes.done).toBeLessThanOrEqual(next.bytes.total);
          expect(next.items?.done).toBeLessThanOrEqual(next.items?.total ?? 0);
          last = next;
        }
      }),
    );
  });

  it('has a rate and the time left after two seconds', () => {
    play(PLAN, started(C));
    expect(state.snapshot().transfer?.rate).toBeUndefined();
    for (let i = 0; i < 4; i++) {
      time += 1000;
      play(bytes(C, MB));
    }
    expect(state.snapshot().transfer).toMatchObject({ rate: MB, timeLeft: 12_000 });
  });

  it('tells silence from slowness, and waiting for an answer from both', () => {
    play(PLAN, started(A), started(C));
    for (let i = 0; i < 20; i++) {
      time += 1000;
      play(bytes(C, 10));
    }
    const slow = state.snapshot().transfer;
    expect(slow?.idle).toBeUndefined();
    expect(slow?.rate).toBeCloseTo(10, 0);
    expect(slow?.active.map(({ idle }) => idle)).toEqual([20_000, undefined]);
    time += 7000;
    const stuck = state.snapshot().transfer;
    expect([stuck?.idle, stuck?.timeLeft]).toEqual([7000, undefined]);
    play(bytes(A, 6 * MB));
    expect(state.snapshot().transfer?.active.map(({ isAwaitingAnswer }) => isAwaitingAnswer)).toEqual([true, false]);
  });

  it('counts retries of the run and of an image', () => {
    const retry = { type: 'retry', what: 'x', attempt: 1, reason: 'closed' } as const;
    const snapshot = play(PLAN, started(A), { ...retry, digest: A }, retry);
    expect([snapshot.retries, snapshot.transfer?.active[0]?.retries]).toEqual([2, 1]);
  });

  it('adds plans that overlap, keeps targets apart, and starts anew after the last blob', () => {
    const to = (target: string, event: AirgapEvent): AirgapEvent => ({ ...event, target });
    play(to('r1', PLAN), to('r2', PLAN), to('r1', started(A)), to('r1', bytes(A, MB)));
    expect(state.snapshot().transfer).toMatchObject({ bytes: { done: MB, total: 32 * MB }, items: { total: 4 } });
    for (const target of ['r1', 'r2']) for (const digest of [A, B, C]) play(to(target, ended(digest)));
    play({ type: 'plan', activity: 'uploading referrers', blobs: [{ digest: A, bytes: 10 }] });
    const { transfer } = state.snapshot();
    expect(transfer).toMatchObject({ activity: 'uploading referrers', percent: 0, bytes: { done: 0, total: 10 } });
    expect(transfer).not.toHaveProperty('items');
  });
});

describe('steps', () => {
  it('are open until they end, with their counts and times', () => {
    play({ type: 'step', step: '1', title: 'rendering' }, { type: 'step', step: '2', title: 'checking', total: 5 });
    time += 3000;
    const { steps } = play({ type: 'step-progress', step: '2', done: 4 });
    expect(steps).toEqual([
      { title: 'rendering', elapsed: 3000 },
      { title: 'checking', elapsed: 3000, items: { done: 4, total: 5 } },
    ]);
    expect(play({ type: 'step-progress', step: '1', done: 7 }).steps[0]).toMatchObject({ items: { done: 7 } });
    expect(play({ type: 'step-end', step: '1' }, { type: 'step-end', step: '2' }).steps).toEqual([]);
  });
});
