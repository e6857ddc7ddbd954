import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { findAccepted } from '../../../src/value-tracing/accepted.ts';

/** A chart that refuses some numbers, and counts the attempts. */
function chartRefusing(...bad: readonly number[]): {
  attempt: (chosen: readonly number[]) => Promise<string>;
  attempts: () => number;
} {
  let attempts = 0;
  return {
    attempt: (chosen) => {
      attempts += 1;
      if (chosen.some((item) => bad.includes(item))) {
        return Promise.reject(new AirgapError('chart-render', `refused: ${bad.join()}`));
      }
      return Promise.resolve(chosen.join());
    },
    attempts: () => attempts,
  };
}
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('the accepted items', () => {
  it('are all items, in one attempt, if nothing is refused', async () => {
    const { attempt, attempts } = chartRefusing();
    expect(await findAccepted(upTo(100), attempt)).toEqual({ items: upTo(100), result: upTo(100).join() });
    expect(attempts()).toBe(1);
  });

  it('are all but the refused items, found by halving', async () => {
    const { attempt, attempts } = chartRefusing(17, 63);
    const result = await findAccepted(upTo(64), attempt);
    expect([...(result?.items ?? [])].sort((a, b) => a - b)).toEqual(upTo(64).filter((i) => i !== 17 && i !== 63));
    expect(attempts()).toBeLessThan(30);
  });

  it('are found in two attempts if the refusal names the others', async () => {
    const { attempt, attempts } = chartRefusing(17, 63);
    const named = ({ message }: AirgapError, items: readonly number[]): number[] =>
      items.filter((item) => message.split(/[:, ]+/).includes(String(item)));
    const result = await findAccepted(upTo(64), attempt, named);
    expect(result?.items).toEqual(upTo(64).filter((i) => i !== 17 && i !== 63));
    expect(attempts()).toBe(2);
  });

  it('are none if each item alone is refused', async () => {
    expect(await findAccepted(upTo(4), chartRefusing(0, 1, 2, 3).attempt)).toBeUndefined();
  });

  it('are searched with a limited number of attempts', async () => {
    const { attempt, attempts } = chartRefusing(...upTo(1000));
    await findAccepted(upTo(1000), attempt);
    expect(attempts()).toBe(60);
  });

  it('other errors are thrown at once', async () => {
    const failing = () => Promise.reject(new AirgapError('interrupted', 'interrupted'));
    await expect(findAccepted(upTo(8), failing)).rejects.toMatchObject({ code: 'interrupted' });
  });
});
