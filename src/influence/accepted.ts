import { AirgapError } from '../base/errors.ts';

/** How often a chart may be rendered to find out what it refuses. */
const LIMIT = 60;

/**
 * Finds which of the items a chart accepts together. All at once first; when it refuses, without those that its message
 * names, and then by halving, keeping what is accepted so far: one bad item among n costs about 2 log n attempts.
 * @param attempt fails with `chart-render` when the chart refuses the chosen items
 * @param named which of the items a refusal names; none when it does not say
 * @param suspected which of them a refusal may be about: they are taken apart from the others first
 * @returns the accepted items and what the attempt with them gave; undefined when no attempt succeeded
 */
export async function accepted<T, R>(
  items: readonly T[],
  attempt: (chosen: readonly T[]) => Promise<R>,
  named: (refusal: AirgapError, items: readonly T[]) => readonly T[] = () => [],
  suspected: (refusal: AirgapError, items: readonly T[]) => readonly T[] = () => [],
): Promise<{ readonly items: readonly T[]; readonly result: R } | undefined> {
  let best: { items: readonly T[]; result: R } | undefined;
  let runs = 0;
  const add = async (more: readonly T[]): Promise<void> => {
    if (more.length === 0 || runs >= LIMIT) return;
    runs += 1;
    const chosen = [...(best?.items ?? []), ...more];
    const outcome = await unlessRefused(attempt(chosen));
    if ('result' in outcome) {
      best = { items: chosen, result: outcome.result };
      return;
    }
    const bad = new Set(named(outcome.refusal, more));
    if (bad.size > 0) return add(more.filter((item) => !bad.has(item)));
    if (more.length === 1) return;
    const suspects = new Set(suspected(outcome.refusal, more));
    const others = more.filter((item) => !suspects.has(item));
    const half = Math.ceil(more.length / 2);
    const isSplit = suspects.size > 0 && others.length > 0;
    await add(isSplit ? others : more.slice(0, half));
    await add(isSplit ? [...suspects] : more.slice(half));
  };
  await add(items);
  return best;
}

/** The outcome of a render, also when the chart refuses it (`chart-render`); other failures are thrown. */
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
