import { describe, expect, it } from 'vitest';
import { findCauses } from '../../../src/value-tracing/causes.ts';

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
