import { AirgapError } from '../base/errors.ts';
import type { Values } from '../helm/render.ts';
import { accepted } from '../influence/accepted.ts';
import { namedInRefusal } from '../influence/refused.ts';
import { type Setting, valuesOf } from './document.ts';

/** Settings that the chart accepts, and a render with them. */
export interface Accepted<R> {
  readonly settings: readonly Setting[];
  readonly overrides: Values;
  /** Result of rendering with the overrides. */
  readonly render: R;
  /** Settings that the chart refuses, each with the chart's error message. */
  readonly refused: readonly { readonly setting: Setting; readonly reason: string }[];
}

/**
 * Renders the chart with the settings and drops those that it refuses. A chart can accept a probe's marker and still
 * refuse the target's name: a schema pattern without a colon refuses a port. References that a dropped setting would
 * have moved remain unmapped.
 */
export async function accept<R>(
  base: Values,
  settings: readonly Setting[],
  render: (overrides: Values) => Promise<R>,
): Promise<Accepted<R>> {
  const reasons = new Map<Setting, string>();
  const attempt = async (chosen: readonly Setting[]): Promise<R> => {
    try {
      return await render(valuesOf(base, chosen));
    } catch (error) {
      const [last] = chosen.slice(-1);
      if (error instanceof AirgapError && last !== undefined) reasons.set(last, error.message);
      throw error;
    }
  };
  const best = await accepted(settings, attempt, (refusal, chosen) => {
    const isNamed = namedInRefusal(refusal);
    const named = chosen.filter(({ path }) => isNamed(path));
    for (const setting of named) reasons.set(setting, refusal.message);
    return named;
  });
  const kept = new Set(best?.items);
  const order = settings.filter((setting) => kept.has(setting));
  return {
    settings: order,
    overrides: valuesOf(base, order),
    render: best?.result ?? (await render({})),
    refused: settings
      .filter((setting) => !kept.has(setting))
      .map((setting) => ({ setting, reason: reasons.get(setting) ?? '' })),
  };
}
