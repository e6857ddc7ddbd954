/**
 * Runs `work` over `items`, at most `limit` at a time, in order of the items, and gives the results in that order.
 * The first failure stops new work; what is under way is awaited, so that nothing goes on behind the caller's back.
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

/** The outcome of one item of a batch that goes on after failures. */
export type Outcome<R> = { readonly value: R; readonly error?: undefined } | { readonly error: unknown };

/** Like {@link pool}, but every item is tried and each failure is handed back in its place. */
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
