import { AirgapError } from '../base/errors.ts';

/** Maximum number of renders to find out which values a chart refuses. */
const LIMIT = 60;

/**
 * Finds items that a chart accepts together. Tries all of them first. If the chart refuses, retries without the items
 * that its message names, else halves the items and keeps those accepted so far: one refused item among n costs about 2
 * log n attempts.
 * @param attempt throws `chart-render` if the chart refuses the selected items
 * @param namedBy returns the items that a refusal names; empty if it names none
 * @param suspectedBy returns the items that a refusal may be about: they are tried separately from the others
 * @returns the accepted items and the result of the attempt with them; undefined if no attempt succeeded
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
