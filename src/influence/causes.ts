/** Maximum number of renders to find causes. */
const LIMIT = 24;

/**
 * Finds the single item that causes each effect, by halving the items. Effects that the first half has are searched
 * there, all others in the second half. An effect that needs several items at once has no cause; if several items have
 * the same effect, the first is returned.
 * @param observe returns the effects of the items together; undefined if the items cannot be combined
 * @param limit maximum number of attempts; effects not traced to one item by then have no cause
 */
export async function causesOf<T, E>(
  items: readonly T[],
  effects: readonly E[],
  observe: (items: readonly T[]) => Promise<ReadonlySet<E> | undefined>,
  limit = LIMIT,
): Promise<ReadonlyMap<E, T>> {
  const causes = new Map<E, T>();
  let runs = 0;
  const search = async (some: readonly T[], wanted: readonly E[]): Promise<void> => {
    const [only] = some;
    if (only === undefined || wanted.length === 0 || runs >= limit) return;
    runs += 1;
    const shown = await observe(some);
    const here = shown === undefined ? wanted : wanted.filter((effect) => shown.has(effect));
    if (some.length === 1) {
      if (shown !== undefined) for (const effect of here) causes.set(effect, only);
      return;
    }
    const half = Math.ceil(some.length / 2);
    await search(some.slice(0, half), here);
    await search(
      some.slice(half),
      here.filter((effect) => !causes.has(effect)),
    );
  };
  await search(items, effects);
  return causes;
}
