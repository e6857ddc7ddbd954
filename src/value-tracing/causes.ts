/** Maximum number of renders to find causes. */
const MAX_RENDERS = 24;

/**
 * Finds the single item that causes each effect, by halving the items. Effects that the first half has are searched
 * there, all others in the second half. An effect that needs several items at once has no cause; if several items have
 * the same effect, the first is returned.
 * @param observe returns the effects of the items together; undefined if the items cannot be combined
 * @param limit maximum number of attempts; effects not traced to one item by then have no cause
 */
export async function findCauses<T, E>(
  items: readonly T[],
  effects: readonly E[],
  observe: (items: readonly T[]) => Promise<ReadonlySet<E> | undefined>,
  limit = MAX_RENDERS,
): Promise<ReadonlyMap<E, T>> {
  const causes = new Map<E, T>();
  let runs = 0;
  const search = async (candidates: readonly T[], remaining: readonly E[]): Promise<void> => {
    const [only] = candidates;
    if (only === undefined || remaining.length === 0 || runs >= limit) return;
    runs += 1;
    const observed = await observe(candidates);
    const present = observed === undefined ? remaining : remaining.filter((effect) => observed.has(effect));
    if (candidates.length === 1) {
      if (observed !== undefined) for (const effect of present) causes.set(effect, only);
      return;
    }
    const half = Math.ceil(candidates.length / 2);
    await search(candidates.slice(0, half), present);
    await search(
      candidates.slice(half),
      present.filter((effect) => !causes.has(effect)),
    );
  };
  await search(items, effects);
  return causes;
}
