import { AirgapError } from '../../base/errors.ts';
import type { Render, Values } from '../../helm/render.ts';
import type { TemplateSource } from '../../helm/templates.ts';
import { accepted } from '../../influence/accepted.ts';
import { type Change, changesBetween, keyOfChange } from '../../influence/changes.ts';
import { type Trial, type TrialOptions, type Tried, tryOut } from '../../influence/trial.ts';
import { type Setting, valuesOf } from '../../overrides/document.ts';
import { withRedirects } from '../../overrides/redirect.ts';

/** Overrides that are proved, and the chart rendered with them in each of its ways. */
export interface Proved {
  /** Coalesced values without them. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly renders: readonly Render[];
}

/** How further settings are tried on top of proved overrides. */
export interface Means {
  readonly render: (overrides: Values) => Promise<readonly Render[]>;
  readonly templates: () => Promise<readonly TemplateSource[]>;
  /** Positions that differ from render to render, as in `TrialOptions`. */
  readonly restless: TrialOptions<Trial, Render>['restless'];
}

/** Positions that differ between two renders with the same values; asked for only when needed, and once. */
export function restlessIn({ base, settings, renders }: Proved, render: Means['render']): Means['restless'] {
  let known: Promise<ReadonlySet<string>> | undefined;
  const again = async (): Promise<ReadonlySet<string>> =>
    new Set(changesBetween(renders, await render(valuesOf(base, settings))).map(keyOfChange));
  return () => {
    known ??= again();
    return known;
  };
}

/** What such settings may change. */
export interface Allowance {
  readonly isWhole?: (key: string | number) => boolean;
}

/** Tries values on leaves, each with a marker of its own, beside the settings that are there. */
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
 * Adds settings to proved overrides: as many as the chart takes without anything changing but what may change. So what
 * was proved before stays proved.
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
      throw new AirgapError('chart-render', 'changes more of the chart than it is for');
    return after;
  };
  const best = await accepted(more, attempt);
  if (best === undefined) return proved;
  return { base, settings: beside(settings, best.items), renders: best.result };
}

/** Both, in the order of their paths; what is added wins where both set one leaf. */
function beside(
  settings: readonly Setting[],
  added: readonly (Omit<Setting, 'comment'> & Partial<Setting>)[],
): Setting[] {
  const complete = added.map(({ path, value, comment = '' }) => ({ path, value, comment }));
  return withRedirects(complete, settings);
}
