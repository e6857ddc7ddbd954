import { wildcard } from '../../base/wildcard.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import type { Choice } from '../../lock/choice.ts';
import { referenceMatcher } from './pattern.ts';

/** Names, with `*` as wildcard, and the reason. */
export interface Pattern {
  readonly pattern: string;
  readonly reason?: string;
}

/** Selection of images by the user. */
export interface Choosing {
  /** References to exclude, and names of nested charts. */
  readonly exclude?: readonly Pattern[];
  /** References to include despite `exclude` or low confidence. */
  readonly include?: readonly Pattern[];
  /** Includes images of `helm test` (default true). */
  readonly tests?: boolean;
  /** Includes images of hooks, including tests (default true). */
  readonly hooks?: boolean;
  /** Includes operators' default images for resources that users will create (default true). */
  readonly operatorDefaults?: boolean;
}

/**
 * Reason for excluded operator defaults. They have no rule of their own in the format, so that older versions can read
 * the lock file.
 */
const DEFAULTS = '--no-operator-defaults: images that operators choose for resources that users make';

/**
 * Applies the selection. An `include` overrides an `exclude`, and makes a possible image certain.
 * @param excludedCharts names of nested charts that `exclude` removed
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
