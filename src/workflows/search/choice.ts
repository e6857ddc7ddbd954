import { wildcard } from '../../base/wildcard.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import type { Choice } from '../../lock/choice.ts';
import { referenceMatcher } from './pattern.ts';

/** Names, with `*` for anything, and why they are meant. */
export interface Pattern {
  readonly pattern: string;
  readonly reason?: string;
}

/** What somebody wants otherwise than it was found. */
export interface Choosing {
  /** References to leave out; names of nested charts too. */
  readonly exclude?: readonly Pattern[];
  /** References to keep though `exclude` or doubt says otherwise. */
  readonly include?: readonly Pattern[];
  /** Whether images of `helm test` are wanted; they are, unless told. */
  readonly tests?: boolean;
  /** Whether images of hooks, tests among them, are wanted; they are, unless told. */
  readonly hooks?: boolean;
  /** Whether operators' defaults for resources that users are going to make are wanted; they are, unless told. */
  readonly operatorDefaults?: boolean;
}

/** Why operators' defaults are left out; no rule of its own, so that older programs read the lock. */
const DEFAULTS = '--no-operator-defaults: images that operators choose for resources that users make';

/**
 * Leaves out what is not wanted and keeps what is. An `include` wins over an `exclude`, and an image that was only
 * possible is certain once somebody asks for it.
 * @param excludedCharts names of nested charts that `exclude` has left out
 */
export function choose(
  places: readonly PlaceFound[],
  { exclude = [], include = [], tests = true, hooks = true, operatorDefaults = true }: Choosing,
  excludedCharts: readonly string[],
): { readonly places: readonly PlaceFound[]; readonly choices: readonly Choice[] } {
  const references = (some: readonly PlaceFound[]): string[] =>
    [...new Set(some.map((place) => place.reference))].sort();
  const included = include.map((pattern) => ({ ...pattern, matches: referenceMatcher(pattern.pattern) }));
  const isIncluded = ({ reference }: PlaceFound): boolean => included.some(({ matches }) => matches(reference));
  const choices: Choice[] = [];
  let kept = [...places];
  const leaveOut = (choice: Omit<Choice, 'references'>, isMeant: (place: PlaceFound) => boolean): void => {
    const out = kept.filter((place) => isMeant(place) && !isIncluded(place));
    kept = kept.filter((place) => !out.includes(place));
    const still = new Set(kept.map(({ reference }) => reference));
    choices.push({ ...choice, references: references(out).filter((reference) => !still.has(reference)) });
  };
  if (!hooks) leaveOut({ rule: 'no-hooks' }, ({ hook, need }) => hook !== undefined || need === 'test');
  else if (!tests) leaveOut({ rule: 'no-tests' }, ({ need }) => need === 'test');
  if (!operatorDefaults) {
    leaveOut({ rule: 'exclude', reason: DEFAULTS }, ({ userMade = false }) => userMade);
  }
  for (const { pattern, reason } of exclude) {
    const matches = referenceMatcher(pattern);
    const glob = wildcard(pattern);
    const charts = excludedCharts.filter((name) => glob.test(name));
    const choice = { rule: 'exclude', pattern, ...(reason === undefined ? {} : { reason }) } as const;
    leaveOut({ ...choice, ...(charts.length === 0 ? {} : { charts }) }, ({ reference }) => matches(reference));
  }
  for (const { pattern, reason, matches } of included) {
    const own = kept.filter(({ reference }) => matches(reference));
    const choice = { rule: 'include', pattern, ...(reason === undefined ? {} : { reason }) } as const;
    choices.push({ ...choice, references: references(own) });
  }
  const sure = kept.map((place): PlaceFound => (isIncluded(place) ? { ...place, confidence: 'certain' } : place));
  return { places: sure, choices };
}
