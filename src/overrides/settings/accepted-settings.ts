import { AirgapError } from '../../base/errors.ts';
import type { Render, Values } from '../../helm/render.ts';
import type { TemplateSource } from '../../helm/subcharts.ts';
import { findAccepted } from '../../value-tracing/bisection.ts';
import { type Change, changeKey, changesBetween } from '../../value-tracing/changes.ts';
import { buildOverlay } from '../../value-tracing/leaves.ts';
import { namedBy } from '../../value-tracing/refusals.ts';
import { runTrials, type Trial, type TrialOptions, type TrialResult } from '../../value-tracing/trial.ts';
import { mergeSettings, type Setting } from './setting.ts';

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
      return await render(buildOverlay(base, candidates));
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
    overrides: buildOverlay(base, accepted),
    rendered: best?.result ?? (await render({})),
    refused: settings
      .filter((setting) => !acceptedSet.has(setting))
      .map((setting) => ({ setting, reason: reasons.get(setting) ?? '' })),
  };
}

/** Proved overrides, and all variants of the chart rendered with them. */
export interface ProvenOverrides {
  /** Coalesced values without the overrides. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly renders: readonly Render[];
}

/** Functions for trying further settings on top of proved overrides. */
export interface TrialContext {
  readonly render: (overrides: Values) => Promise<readonly Render[]>;
  readonly templates: () => Promise<readonly TemplateSource[]>;
  /** Returns positions that differ between identical renders, as in `TrialOptions`. */
  readonly nondeterministicFields: TrialOptions<Trial, Render>['nondeterministicFields'];
}

/**
 * Returns a function that finds positions which differ between identical renders. It renders at most once, when needed.
 */
export function findNondeterministicFields(
  { base, settings, renders }: ProvenOverrides,
  render: TrialContext['render'],
): TrialContext['nondeterministicFields'] {
  let fields: Promise<ReadonlySet<string>> | undefined;
  const renderAgain = async (): Promise<ReadonlySet<string>> =>
    new Set(changesBetween(renders, await render(buildOverlay(base, settings))).map(changeKey));
  return () => {
    fields ??= renderAgain();
    return fields;
  };
}

/** Restricts what further settings may change. */
export interface AllowedChanges {
  readonly isWhole?: (key: string | number) => boolean;
}

/** Tries values on leaves, each with its own marker, in addition to the existing settings. */
export function trySettings<T extends Trial>(
  { base, settings, renders }: ProvenOverrides,
  { render, nondeterministicFields }: TrialContext,
  trials: readonly T[],
  allowedChanges: AllowedChanges &
    Pick<TrialOptions<T, Render>, 'isIgnored'> & {
      readonly judge: (trial: T, change: Change, after: readonly Render[]) => boolean;
    },
): Promise<TrialResult<T, Render>> {
  return runTrials(trials, {
    ...allowedChanges,
    before: renders,
    nondeterministicFields,
    render: (selected) => {
      const trialSettings = selected.map(({ path, value }) => ({ path, value, comment: '' }));
      return render(buildOverlay(base, mergeSettings(settings, trialSettings)));
    },
  });
}

/**
 * Adds as many of the settings to proved overrides as cause only allowed changes, so that the proof stays valid.
 */
export async function addSettings(
  proved: ProvenOverrides,
  { render, nondeterministicFields }: TrialContext,
  candidates: readonly Setting[],
  { isWhole, allows }: AllowedChanges & { readonly allows: (change: Change, after: readonly Render[]) => boolean },
): Promise<ProvenOverrides> {
  const { base, settings, renders } = proved;
  const attempt = async (trialSettings: readonly Setting[]): Promise<readonly Render[]> => {
    const after = await render(buildOverlay(base, mergeSettings(settings, trialSettings)));
    const changes = changesBetween(renders, after, isWhole).filter((change) => !allows(change, after));
    const nondeterministic = changes.length === 0 ? new Set() : await nondeterministicFields();
    if (changes.some((change) => !nondeterministic.has(changeKey(change))))
      throw new AirgapError('chart-render', 'the setting changes other parts of the chart');
    return after;
  };
  const best = await findAccepted(candidates, attempt);
  if (best === undefined) return proved;
  return { base, settings: mergeSettings(settings, best.items), renders: best.result };
}
