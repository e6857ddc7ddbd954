import type { AirgapError } from '../base/errors.ts';
import { accepted, unlessRefused } from './accepted.ts';
import { causesOf } from './causes.ts';
import { type Change, changesBetween, type Documents, keyOfChange } from './changes.ts';
import type { LeafPath } from './leaves.ts';
import { namedInRefusal, suspectedBy } from './refused.ts';

/** A leaf with a value that is tried on it. */
export interface Trial {
  readonly path: LeafPath;
  readonly value: unknown;
  /** Stands in the value, in no other trial's, and nowhere in the chart. */
  readonly marker: string;
}

export interface TrialOptions<T extends Trial, R extends Documents> {
  /** The renders without any of them. */
  readonly before: readonly R[];
  /** The same with some of them; fails with `chart-render` when the chart refuses them. */
  readonly render: (trials: readonly T[]) => Promise<readonly R[]>;
  /** Positions, as in `keyOfChange`, that differ from render to render anyway: random passwords, certificates. */
  readonly restless: () => Promise<ReadonlySet<string>>;
  /** Keys whose content is judged as a whole. */
  readonly isWhole?: (key: string | number) => boolean;
  /** Whether a change is of no account with these trials: nobody's, whatever it shows. */
  readonly ignores?: (change: Change, trials: readonly T[], after: readonly R[]) => boolean;
  /** Whether a change that shows the trial's marker is what it was tried for. */
  readonly judge: (trial: T, change: Change, after: readonly R[]) => boolean;
}

/** What trying gave. */
export interface Tried<T, R> {
  /** Those that did what they were tried for and nothing else, each with its changes. */
  readonly good: ReadonlyMap<T, readonly Change[]>;
  /** The renders with all that the chart accepts. */
  readonly after: readonly R[];
}

/** Attempts at most when a change does not show by itself which trial it comes of. */
const STRAY_LIMIT = 16;

/**
 * Tries all at once, and tells which of them change something, and only what they may. A change that shows no marker (a
 * checksum) is traced to its trial by halving; what differs from render to render anyway does not count.
 */
export async function tryOut<T extends Trial, R extends Documents>(
  trials: readonly T[],
  { before, render, restless, isWhole, ignores = () => false, judge }: TrialOptions<T, R>,
): Promise<Tried<T, R>> {
  const named = (refusal: AirgapError, some: readonly T[]): T[] => {
    const isNamed = namedInRefusal(refusal);
    return some.filter(({ path }) => isNamed(path));
  };
  const best = await accepted(trials, render, named, suspectedBy);
  if (best === undefined) return { good: new Map(), after: before };
  const after = best.result;
  const changes = changesBetween(before, after, isWhole).filter((change) => !ignores(change, best.items, after));
  const effects = new Map<T, Change[]>();
  const bad = new Set<T>();
  const unmarked: Change[] = [];
  for (const change of changes) {
    const shown = JSON.stringify(change.is ?? null);
    const owners = best.items.filter(({ marker }) => shown.includes(marker));
    if (owners.length === 0) unmarked.push(change);
    for (const trial of owners) {
      effects.set(trial, [...(effects.get(trial) ?? []), change]);
      if (!judge(trial, change, after)) bad.add(trial);
    }
  }
  const lively = unmarked.length === 0 ? new Set() : await restless();
  const keys = unmarked.map(keyOfChange).filter((key) => !lively.has(key));
  if (keys.length > 0) {
    const observe = async (some: readonly T[]): Promise<ReadonlySet<string> | undefined> => {
      const outcome = await unlessRefused(render(some));
      if ('refusal' in outcome) return undefined;
      const seen = changesBetween(before, outcome.result, isWhole);
      return new Set(seen.filter((change) => !ignores(change, some, outcome.result)).map(keyOfChange));
    };
    const causes = await causesOf(best.items, keys, observe, STRAY_LIMIT);
    for (const trial of causes.values()) bad.add(trial);
    // What several of them do together is nobody's, so nobody is trusted.
    if (keys.some((key) => !causes.has(key))) return { good: new Map(), after };
  }
  return { good: new Map([...effects].filter(([trial]) => !bad.has(trial))), after };
}
