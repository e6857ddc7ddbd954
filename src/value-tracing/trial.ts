import { findAccepted, findCauses, unlessRefused } from './bisection.ts';
import { type Change, changeKey, changesBetween, type RenderOutput } from './changes.ts';
import type { LeafPath } from './leaves.ts';
import { namedBy, suspectedBy } from './refusals.ts';

/** A leaf and the value to try on it. */
export interface Trial {
  readonly path: LeafPath;
  readonly value: unknown;
  /** Occurs in the value, in no other trial's value, and nowhere in the chart. */
  readonly marker: string;
}

export interface TrialOptions<T extends Trial, R extends RenderOutput> {
  /** The renders without any trials. */
  readonly before: readonly R[];
  /** Renders with some of the trials; throws `chart-render` if the chart refuses them. */
  readonly render: (trials: readonly T[]) => Promise<readonly R[]>;
  /** Positions, as in `changeKey`, that differ between renders anyway: random passwords, certificates. */
  readonly nondeterministicFields: () => Promise<ReadonlySet<string>>;
  /** Keys whose value is compared as a whole. */
  readonly isWhole?: (key: string | number) => boolean;
  /** Reports whether a change is irrelevant for these trials. */
  readonly isIgnored?: (change: Change, trials: readonly T[], after: readonly R[]) => boolean;
  /** Reports whether a change with the trial's marker is the intended one. */
  readonly judge: (trial: T, change: Change, after: readonly R[]) => boolean;
}

/** Result of the trials. */
export interface TrialResult<T, R> {
  /** Trials that had only the intended effect, each with its changes. */
  readonly passed: ReadonlyMap<T, readonly Change[]>;
  /** The renders with all accepted trials. */
  readonly after: readonly R[];
}

/** Maximum number of attempts to find the trial behind a change without a marker. */
const MAX_CAUSE_RENDERS = 16;

/**
 * Runs all trials at once and returns those with only intended changes. A change without a marker (a checksum) is
 * traced to its trial by halving; nondeterministic fields are ignored.
 */
export async function runTrials<T extends Trial, R extends RenderOutput>(
  trials: readonly T[],
  { before, render, nondeterministicFields, isWhole, isIgnored = () => false, judge }: TrialOptions<T, R>,
): Promise<TrialResult<T, R>> {
  const best = await findAccepted(trials, render, namedBy, suspectedBy);
  if (best === undefined) return { passed: new Map(), after: before };
  const after = best.result;
  const changes = changesBetween(before, after, isWhole).filter((change) => !isIgnored(change, best.items, after));
  const effects = new Map<T, Change[]>();
  const failed = new Set<T>();
  const unmarked: Change[] = [];
  for (const change of changes) {
    const afterText = JSON.stringify(change.after ?? null);
    const owners = best.items.filter(({ marker }) => afterText.includes(marker));
    if (owners.length === 0) unmarked.push(change);
    for (const trial of owners) {
      effects.set(trial, [...(effects.get(trial) ?? []), change]);
      if (!judge(trial, change, after)) failed.add(trial);
    }
  }
  const nondeterministic = unmarked.length === 0 ? new Set() : await nondeterministicFields();
  const keys = unmarked.map(changeKey).filter((key) => !nondeterministic.has(key));
  if (keys.length > 0) {
    const observe = async (selected: readonly T[]): Promise<ReadonlySet<string> | undefined> => {
      const outcome = await unlessRefused(render(selected));
      if ('refusal' in outcome) return undefined;
      const observed = changesBetween(before, outcome.result, isWhole);
      return new Set(observed.filter((change) => !isIgnored(change, selected, outcome.result)).map(changeKey));
    };
    const causes = await findCauses(best.items, keys, observe, MAX_CAUSE_RENDERS);
    for (const trial of causes.values()) failed.add(trial);
    // A change caused by several trials together cannot be attributed, so all trials are rejected.
    if (keys.some((key) => !causes.has(key))) return { passed: new Map(), after };
  }
  return { passed: new Map([...effects].filter(([trial]) => !failed.has(trial))), after };
}
