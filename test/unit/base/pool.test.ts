import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { pool, settle, settleEach } from '../../../src/base/pool.ts';

describe('pool', () => {
  it('returns results in the order of the items', async () => {
    const results = await pool([30, 1, 15], 3, async (wait, index) => {
      await setTimeout(wait);
      return `${index}:${wait}`;
    });
    expect(results).toEqual(['0:30', '1:1', '2:15']);
  });

  it.each([1, 3, 7])('runs at most %i at a time, and reaches that', async (limit) => {
    let running = 0;
    let most = 0;
    await pool([...Array(20).keys()], limit, async () => {
      running++;
      most = Math.max(most, running);
      await setImmediate();
      running--;
    });
    expect(most).toBe(limit);
  });

  it('treats a limit below 1 as 1', async () => {
    expect(await pool([1, 2], 0, async (n) => n * 2)).toEqual([2, 4]);
  });

  it('does nothing without items', async () => {
    expect(await pool([], 4, () => Promise.reject(new Error('called')))).toEqual([]);
  });

  it('starts nothing new after a failure', async () => {
    const started: number[] = [];
    const run = pool([...Array(10).keys()], 2, async (n) => {
      started.push(n);
      await setImmediate();
      if (n === 1) throw new Error('one');
    });
    await expect(run).rejects.toThrow('one');
    expect(started.length).toBeLessThanOrEqual(3);
  });

  it('fails after running work has ended', async () => {
    let ended = false;
    const run = pool([0, 1], 2, async (n) => {
      if (n === 0) throw new Error('zero');
      await setTimeout(20);
      ended = true;
    });
    await expect(run).rejects.toThrow('zero');
    expect(ended).toBe(true);
  });

  it('fails with the first failure, even if it is not an Error or is thrown synchronously', async () => {
    await expect(pool([1], 1, () => Promise.reject(undefined))).rejects.toBeUndefined();
    const work = (): Promise<void> => {
      throw new Error('at once');
    };
    await expect(pool([1], 1, work)).rejects.toThrow('at once');
  });
});

describe('settle', () => {
  it('processes every item and returns failures in place of results', async () => {
    const failure = new Error('two');
    const outcomes = await settle([1, 2, 3], 1, async (n) => {
      if (n === 2) throw failure;
      return n;
    });
    expect(outcomes).toEqual([{ value: 1 }, { error: failure }, { value: 3 }]);
  });
});

describe('settleEach', () => {
  it('processes every item, and throws the first error in the order of the items', async () => {
    const done: number[] = [];
    const work = async (wait: number): Promise<number> => {
      await setTimeout(wait);
      done.push(wait);
      if (wait !== 2) throw new Error(`${wait} ms`);
      return wait;
    };
    await expect(settleEach([20, 1, 2], 3, work)).rejects.toThrow('20 ms');
    expect(done).toEqual([1, 2, 20]);
    expect(await settleEach([2, 2], 1, work)).toEqual([2, 2]);
  });
});
