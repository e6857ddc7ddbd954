/**
 * Items of a batch that are begun before others have ended, when another limit decides how many of their requests run
 * at the same time: enough that a slow registry does not hold up the others, and few enough that ten thousand items do
 * not take memory all at once.
 */
export const MAX_BEGUN = 500;

/**
 * Runs `work` over `items`, at most `limit` at a time, and returns the results in the order of the items.
 * The first failure starts no new work and is thrown once running work has ended, so that nothing continues in the
 * background.
 */
export async function pool<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  let failed = false;
  let failure: unknown;
  const runner = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        if (!failed) {
          failed = true;
          failure = error;
        }
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, runner));
  if (failed) throw failure;
  return results;
}

/** Outcome of one item of a batch that continues after failures. */
export type Outcome<R> = { readonly value: R; readonly error?: undefined } | { readonly error: unknown };

/** Like {@link pool}, but processes every item and returns failures in place of results. */
export function settle<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<Outcome<R>[]> {
  return pool(items, limit, async (item, index) => {
    try {
      return { value: await work(item, index) };
    } catch (error) {
      return { error };
    }
  });
}

/** Like {@link pool}, but processes every item, and then throws the first error in the order of the items. */
export async function settleEach<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  return (await settle(items, limit, work)).map((outcome) => {
    if ('value' in outcome) return outcome.value;
    throw outcome.error;
  });
}
