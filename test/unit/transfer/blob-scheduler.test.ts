import { describe, expect, it } from 'vitest';
import { scheduleBlobs } from '../../../src/transfer/blob-scheduler.ts';

const LARGE = 4 * 1024 * 1024;

/** Schedules blobs of these sizes. Returns the order in which they started, the peak concurrency, and the outcomes. */
async function run(sizes: readonly number[], limit: number, fails = -1, awaited: readonly number[] = []) {
  const blobs = sizes.map((size) => ({
    descriptor: { mediaType: 'x', digest: `sha256:${size}` as const, size },
    isAwaited: awaited.includes(size),
  }));
  const begun: number[] = [];
  const busy = { all: 0, large: 0 };
  const peak = { all: 0, large: 0 };
  const outcomes = await scheduleBlobs(blobs, limit, async ({ descriptor: { size } }) => {
    const large = size >= LARGE ? 1 : 0;
    begun.push(size);
    busy.all++;
    busy.large += large;
    peak.all = Math.max(peak.all, busy.all);
    peak.large = Math.max(peak.large, busy.large);
    await new Promise((resolve) => setTimeout(resolve, 1 + large));
    busy.all--;
    busy.large -= large;
    if (size === fails) throw new Error('fails');
  });
  return { begun, most: peak, outcomes };
}

describe('the blob scheduler', () => {
  const mixed = [
    ...Array.from({ length: 9 }, (_, index) => LARGE + index),
    ...Array.from({ length: 20 }, (_, index) => index),
  ];

  it('runs few large blobs at once, the largest first, and small ones in the remaining slots', async () => {
    const { begun, most: peak } = await run(mixed, 8);
    expect(peak).toEqual({ all: 8, large: 4 });
    const large = begun.filter((size) => size >= LARGE);
    expect(large).toEqual([...large].sort((a, b) => b - a));
    expect([...begun].sort((a, b) => a - b)).toEqual([...mixed].sort((a, b) => a - b));
  });

  it('starts awaited blobs before others of their kind', async () => {
    const { begun } = await run(mixed, 1, -1, [7, LARGE + 2, LARGE + 5, 19]);
    expect(begun.slice(0, 3)).toEqual([LARGE + 5, LARGE + 2, LARGE + 8]);
    expect(begun.slice(9, 13)).toEqual([7, 19, 0, 1]);
  });

  it('never exceeds the limit', async () => {
    expect((await run(mixed, 1)).most).toEqual({ all: 1, large: 1 });
    expect((await run(mixed, 3)).most.all).toBe(3);
  });

  it('continues after a failure and reports it', async () => {
    const { begun, outcomes } = await run(mixed, 2, LARGE + 8);
    expect(begun).toHaveLength(mixed.length);
    expect(outcomes.filter(({ error }) => error !== undefined)).toHaveLength(1);
  });
});
