import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { findAccepted, findCauses } from '../../../src/value-tracing/bisection.ts';

/** A chart that refuses some numbers, and counts the attempts. */
function chartRefusing(...refused: readonly number[]): {
  attempt: (selected: readonly number[]) => Promise<string>;
  attempts: () => number;
} {
  let attempts = 0;
  return {
    attempt: (selected) => {
      attempts += 1;
      if (selected.some((item) => refused.includes(item))) {
        return Promise.reject(new AirgapError('chart-render', `refused: ${refused.join()}`));
      }
      return Promise.resolve(selected.join());
    },
    attempts: () => attempts,
  };
}
const firstNumbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('the accepted items', () => {
  it('are all items, in one attempt, if nothing is refused', async () => {
    const { attempt, attempts } = chartRefusing();
    expect(await findAccepted(firstNumbers(100), attempt)).toEqual({
      items: firstNumbers(100),
      result: firstNumbers(100).join(),
    });
    expect(attempts()).toBe(1);
  });

  it('are all but the refused items, found by halving', async () => {
    const { attempt, attempts } = chartRefusing(17, 63);
    const result = await findAccepted(firstNumbers(64), attempt);
    expect([...(result?.items ?? [])].sort((a, b) => a - b)).toEqual(
      firstNumbers(64).filter((i) => i !== 17 && i !== 63),
    );
    expect(attempts()).toBeLessThan(30);
  });

  it('are found in two attempts if the refusal names the others', async () => {
    const { attempt, attempts } = chartRefusing(17, 63);
    const namedBy = ({ message }: AirgapError, items: readonly number[]): number[] =>
      items.filter((item) => message.split(/[:, ]+/).includes(String(item)));
    const result = await findAccepted(firstNumbers(64), attempt, namedBy);
    expect(result?.items).toEqual(firstNumbers(64).filter((i) => i !== 17 && i !== 63));
    expect(attempts()).toBe(2);
  });

  it('are none if each item alone is refused', async () => {
    expect(await findAccepted(firstNumbers(4), chartRefusing(0, 1, 2, 3).attempt)).toBeUndefined();
  });

  it('are searched with a limited number of attempts', async () => {
    const { attempt, attempts } = chartRefusing(...firstNumbers(1000));
    await findAccepted(firstNumbers(1000), attempt);
    expect(attempts()).toBe(60);
  });

  it('other errors are thrown at once', async () => {
    const failing = () => Promise.reject(new AirgapError('interrupted', 'interrupted'));
    await expect(findAccepted(firstNumbers(8), failing)).rejects.toMatchObject({ code: 'interrupted' });
  });
});

/** Items with their effects, and a count of the attempts. */
function observer(effectsByItem: Readonly<Record<string, readonly string[]>>, refused: readonly string[] = []) {
  let attempts = 0;
  return {
    observe: (items: readonly string[]): Promise<ReadonlySet<string> | undefined> => {
      attempts += 1;
      if (items.some((item) => refused.includes(item))) return Promise.resolve(undefined);
      return Promise.resolve(new Set(items.flatMap((item) => effectsByItem[item] ?? [])));
    },
    attempts: () => attempts,
  };
}

const LETTERS = [...'abcdefghijklmnop'];

describe('causes', () => {
  it('are the single items with an effect, found by halving', async () => {
    const { observe, attempts } = observer({ c: ['one'], n: ['two', 'three'] });
    const causes = await findCauses(LETTERS, ['one', 'two', 'three'], observe);
    expect(Object.fromEntries(causes)).toEqual({ one: 'c', two: 'n', three: 'n' });
    expect(attempts()).toBeLessThan(LETTERS.length);
  });

  it('are the first items if several have the effect', async () => {
    const causes = await findCauses(LETTERS, ['one'], observer({ b: ['one'], k: ['one'] }).observe);
    expect(causes.get('one')).toBe('b');
  });

  it('are found among items that cannot be combined', async () => {
    const causes = await findCauses(LETTERS, ['one'], observer({ d: ['one'], c: ['one'] }, ['c']).observe);
    expect(causes.get('one')).toBe('d');
  });

  it('are missing for effects that no item has, and beyond the limit', async () => {
    expect(await findCauses(LETTERS, ['none'], observer({ a: ['one'] }).observe)).toEqual(new Map());
    const { observe, attempts } = observer({ p: ['one'] });
    expect(await findCauses(LETTERS, ['one'], observe, 3)).toEqual(new Map());
    expect(attempts()).toBe(3);
  });
});
