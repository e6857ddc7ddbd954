import { AirgapError } from '../../base/errors.ts';
import type { Render, Values } from '../../helm/render.ts';
import type { TemplateSource } from '../../helm/templates.ts';
import { accepted } from '../../influence/accepted.ts';
import { type Change, changesBetween, keyOfChange } from '../../influence/changes.ts';
import { type Trial, type TrialOptions, type Tried, tryOut } from '../../influence/trial.ts';
import { type Setting, valuesOf } from '../../overrides/document.ts';
import { withRedirects } from '../../overrides/redirect.ts';

/** Proved overrides, and all variants of the chart rendered with them. */
export interface Proved {
  /** Coalesced values without the overrides. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly renders: readonly Render[];
}

/** Functions for trying further settings on top of proved overrides. */
export interface Means {
  readonly render: (overrides: Values) => Promise<readonly Render[]>;
  readonly templates: () => Promise<readonly TemplateSource[]>;
  /** Returns positions that differ between identical renders, as in `TrialOptions`. */
  readonly restless: TrialOptions<Trial, Render>['restless'];
}

/**
 * Returns a function that finds positions which differ between identical renders. It renders at most once, when needed.
 */
export function restlessIn({ base, settings, renders }: Proved, render: Means['render']): Means['restless'] {
  let known: Promise<ReadonlySet<string>> | undefined;
  const again = async (): Promise<ReadonlySet<string>> =>
    new Set(changesBetween(renders, await render(valuesOf(base, settings))).map(keyOfChange));
  return () => {
    known ??= again();
    return known;
  };
}

/** Restricts what further settings may change. */
export interface Allowance {
  readonly isWhole?: (key: string | number) => boolean;
}

/** Tries values on leaves, each with its own marker, in addition to the existing settings. */
export function tryBeside<T extends Trial>(
  { base, settings, renders }: Proved,
  { render, restless }: Means,
  trials: readonly T[],
  allowance: Allowance &
    Pick<TrialOptions<T, Render>, 'ignores'> & {
      readonly judge: (trial: T, change: Change, after: readonly Render[]) => boolean;
    },
): Promise<Tried<T, Render>> {
  return tryOut(trials, {
    ...allowance,
    before: renders,
    restless,
    render: (some) => render(valuesOf(base, beside(settings, some))),
  });
}

/**
 * Adds as many of the settings to proved overrides as cause only allowed changes, so that the proof stays valid.
 */
export async function extend(
  proved: Proved,
  { render, restless }: Means,
  more: readonly Setting[],
  { isWhole, allows }: Allowance & { readonly allows: (change: Change, after: readonly Render[]) => boolean },
): Promise<Proved> {
  const { base, settings, renders } = proved;
  const attempt = async (some: readonly Setting[]): Promise<readonly Render[]> => {
    const after = await render(valuesOf(base, beside(settings, some)));
    const changes = changesBetween(renders, after, isWhole).filter((change) => !allows(change, after));
    const lively = changes.length === 0 ? new Set() : await restless();
    if (changes.some((change) => !lively.has(keyOfChange(change))))
      throw new AirgapError('chart-render', 'the setting changes other parts of the chart');
    return after;
  };
  const best = await accepted(more, attempt);
  if (best === undefined) return proved;
  return { base, settings: beside(settings, best.items), renders: best.result };
}

/** Merges both lists, sorted by path. Added settings replace existing ones for the same leaf. */
function beside(
  settings: readonly Setting[],
  added: readonly (Omit<Setting, 'comment'> & Partial<Setting>)[],
): Setting[] {
  const complete = added.map(({ path, value, comment = '' }) => ({ path, value, comment }));
  return withRedirects(complete, settings);
}
