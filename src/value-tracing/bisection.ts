import { AirgapError } from '../base/errors.ts';

/** Maximum numbers of renders: to find out which values a chart refuses, and to find causes. */
const MAX_RENDERS = { accepted: 60, causes: 24 } as const;

/**
 * Finds items that a chart accepts together. Tries all of them first. If the chart refuses, retries without the items
 * that its message names, else halves the items and keeps those accepted so far: one refused item among n costs about 2
 * log n attempts.
 * @param attempt throws `chart-render` if the chart refuses the selected items
 * @param namedBy returns the items that a refusal names; empty if it names none
 * @param suspectedBy returns the items that a refusal may be about: they are tried separately from the others
 * @returns the accepted items and the result of the attempt with them; undefined if no attempt succeeded
 */
export async function findAccepted<T, R>(
  items: readonly T[],
  attempt: (selected: readonly T[]) => Promise<R>,
  namedBy: (refusal: AirgapError, items: readonly T[]) => readonly T[] = () => [],
  suspectedBy: (refusal: AirgapError, items: readonly T[]) => readonly T[] = () => [],
): Promise<{ readonly items: readonly T[]; readonly result: R } | undefined> {
  let best: { items: readonly T[]; result: R } | undefined;
  let runs = 0;
  const add = async (candidates: readonly T[]): Promise<void> => {
    if (candidates.length === 0 || runs >= MAX_RENDERS.accepted) return;
    runs += 1;
    const selected = [...(best?.items ?? []), ...candidates];
    const outcome = await unlessRefused(attempt(selected));
    if ('result' in outcome) {
      best = { items: selected, result: outcome.result };
      return;
    }
    const named = new Set(namedBy(outcome.refusal, candidates));
    if (named.size > 0) return add(candidates.filter((item) => !named.has(item)));
    if (candidates.length === 1) return;
    const suspects = new Set(suspectedBy(outcome.refusal, candidates));
    const others = candidates.filter((item) => !suspects.has(item));
    const half = Math.ceil(candidates.length / 2);
    const isSplit = suspects.size > 0 && others.length > 0;
    await add(isSplit ? others : candidates.slice(0, half));
    await add(isSplit ? [...suspects] : candidates.slice(half));
  };
  await add(items);
  return best;
}

/** Returns the result of a render, or the refusal if the chart refuses it (`chart-render`); other errors are thrown. */
export async function unlessRefused<R>(
  attempt: Promise<R>,
): Promise<{ readonly result: R } | { readonly refusal: AirgapError }> {
  try {
    return { result: await attempt };
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'chart-render') return { refusal: error };
    throw error;
  }
}

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
  limit: number = MAX_RENDERS.causes,
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
