/** How many renders a search for causes may cost. */
const LIMIT = 24;

/**
 * Which single item brings each effect about, by halving: effects that the first half shows are looked for there, the
 * others in the second. An effect that needs several items at once gets none. Where several items would do, the first
 * wins.
 * @param observe the effects that the items together have; undefined when they cannot be had together
 * @param limit attempts at most; effects that are not traced to one item by then get none
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
