import { AirgapError } from '../base/errors.ts';
import type { Values } from '../helm/render.ts';
import { accepted } from '../influence/accepted.ts';
import { namedInRefusal } from '../influence/refused.ts';
import { type Setting, valuesOf } from './document.ts';

export interface Accepted<R> {
  readonly settings: readonly Setting[];
  readonly overrides: Values;
  /** What rendering with them gave. */
  readonly render: R;
  /** Values paths that the chart refuses to have changed so, with its own words. */
  readonly refused: readonly { readonly setting: Setting; readonly reason: string }[];
}

/**
 * Renders with the settings. A chart can accept a marker and still refuse the target's name (a schema's pattern without
 * a colon refuses a port): those settings are left out, and what they would have moved shows as residue.
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
