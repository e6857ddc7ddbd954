import { AirgapError } from '../base/errors.ts';
import type { Render, Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import { findAccepted } from '../value-tracing/bisection.ts';
import { type Change, changeKey, changesBetween } from '../value-tracing/changes.ts';
import { runTrials, type Trial, type TrialOptions, type TrialResult } from '../value-tracing/trial.ts';
import { type Setting, valuesOf } from './overrides-file.ts';
import { mergeRedirects } from './redirect.ts';

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
    new Set(changesBetween(renders, await render(valuesOf(base, settings))).map(changeKey));
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
    render: (trialSettings) => render(valuesOf(base, mergeAdded(settings, trialSettings))),
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
    const after = await render(valuesOf(base, mergeAdded(settings, trialSettings)));
    const changes = changesBetween(renders, after, isWhole).filter((change) => !allows(change, after));
    const nondeterministic = changes.length === 0 ? new Set() : await nondeterministicFields();
    if (changes.some((change) => !nondeterministic.has(changeKey(change))))
      throw new AirgapError('chart-render', 'the setting changes other parts of the chart');
    return after;
  };
  const best = await findAccepted(candidates, attempt);
  if (best === undefined) return proved;
  return { base, settings: mergeAdded(settings, best.items), renders: best.result };
}

/** Merges both lists, sorted by path. Added settings replace existing ones for the same leaf. */
function mergeAdded(
  settings: readonly Setting[],
  added: readonly (Omit<Setting, 'comment'> & Partial<Setting>)[],
): Setting[] {
  const complete = added.map(({ path, value, comment = '' }) => ({ path, value, comment }));
  return mergeRedirects(complete, settings);
}
