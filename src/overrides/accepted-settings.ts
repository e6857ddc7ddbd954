import { AirgapError } from '../base/errors.ts';
import type { Values } from '../helm/render.ts';
import { findAccepted } from '../value-tracing/bisection.ts';
import { namedBy } from '../value-tracing/refusals.ts';
import { type Setting, valuesOf } from './overrides-file.ts';

/** Settings that the chart accepts, and a render with them. */
export interface AcceptedSettings<R> {
  readonly settings: readonly Setting[];
  readonly overrides: Values;
  /** Result of rendering with the overrides. */
  readonly rendered: R;
  /** Settings that the chart refuses, each with the chart's error message. */
  readonly refused: readonly { readonly setting: Setting; readonly reason: string }[];
}

/**
 * Renders the chart with the settings and drops those that it refuses. A chart can accept a probe's marker and still
 * refuse the target's name: a schema pattern without a colon refuses a port. References that a dropped setting would
 * have moved remain unmapped.
 */
export async function findAcceptedSettings<R>(
  base: Values,
  settings: readonly Setting[],
  render: (overrides: Values) => Promise<R>,
): Promise<AcceptedSettings<R>> {
  const reasons = new Map<Setting, string>();
  const attempt = async (candidates: readonly Setting[]): Promise<R> => {
    try {
      return await render(valuesOf(base, candidates));
    } catch (error) {
      const [last] = candidates.slice(-1);
      if (error instanceof AirgapError && last !== undefined) reasons.set(last, error.message);
      throw error;
    }
  };
  const best = await findAccepted(settings, attempt, (refusal, candidates) => {
    const named = namedBy(refusal, candidates);
    for (const setting of named) reasons.set(setting, refusal.message);
    return named;
  });
  const acceptedSet = new Set(best?.items);
  const accepted = settings.filter((setting) => acceptedSet.has(setting));
  return {
    settings: accepted,
    overrides: valuesOf(base, accepted),
    rendered: best?.result ?? (await render({})),
    refused: settings
      .filter((setting) => !acceptedSet.has(setting))
      .map((setting) => ({ setting, reason: reasons.get(setting) ?? '' })),
  };
}
