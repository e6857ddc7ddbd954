import { wildcard } from '../base/wildcard.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { SelectionRecord } from '../inventory/selection-record.ts';
import { referenceMatcher } from '../oci/reference-matcher.ts';

/** Names, with `*` as wildcard, and the reason. */
export interface Pattern {
  readonly pattern: string;
  readonly reason?: string;
}

/** Selection of images by the user. */
export interface SelectionOptions {
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
const DEFAULTS_REASON = '--no-operator-defaults: images that operators choose for resources that users make';

/**
 * Applies the selection. An `include` overrides an `exclude`, and makes a possible image certain.
 * @param excludedCharts names of nested charts that `exclude` removed
 */
export function applySelection(
  references: readonly LocatedReference[],
  { exclude = [], include = [], tests = true, hooks = true, operatorDefaults = true }: SelectionOptions,
  excludedCharts: readonly string[],
): { readonly references: readonly LocatedReference[]; readonly selections: readonly SelectionRecord[] } {
  const distinctReferences = (located: readonly LocatedReference[]): string[] =>
    [...new Set(located.map((reference) => reference.reference))].sort();
  const included = include.map((pattern) => ({ ...pattern, matches: referenceMatcher(pattern.pattern) }));
  const isIncluded = ({ reference }: LocatedReference): boolean => included.some(({ matches }) => matches(reference));
  const selections: SelectionRecord[] = [];
  let kept = [...references];
  const leaveOut = (
    selection: Omit<SelectionRecord, 'references'>,
    isExcluded: (reference: LocatedReference) => boolean,
  ): void => {
    const excluded = kept.filter((reference) => isExcluded(reference) && !isIncluded(reference));
    kept = kept.filter((reference) => !excluded.includes(reference));
    const remaining = new Set(kept.map(({ reference }) => reference));
    selections.push({
      ...selection,
      references: distinctReferences(excluded).filter((reference) => !remaining.has(reference)),
    });
  };
  if (!hooks) leaveOut({ rule: 'no-hooks' }, ({ hook, need }) => hook !== undefined || need === 'test');
  else if (!tests) leaveOut({ rule: 'no-tests' }, ({ need }) => need === 'test');
  if (!operatorDefaults) {
    leaveOut({ rule: 'exclude', reason: DEFAULTS_REASON }, ({ userMade = false }) => userMade);
  }
  for (const { pattern, reason } of exclude) {
    const matches = referenceMatcher(pattern);
    const glob = wildcard(pattern);
    const charts = excludedCharts.filter((name) => glob.test(name));
    const selection = { rule: 'exclude', pattern, reason } as const;
    leaveOut({ ...selection, ...(charts.length === 0 ? {} : { charts }) }, ({ reference }) => matches(reference));
  }
  for (const { pattern, reason, matches } of included) {
    const matching = kept.filter(({ reference }) => matches(reference));
    const selection = { rule: 'include', pattern, reason } as const;
    selections.push({ ...selection, references: distinctReferences(matching) });
  }
  const selected = kept.map(
    (reference): LocatedReference => (isIncluded(reference) ? { ...reference, confidence: 'certain' } : reference),
  );
  return { references: selected, selections };
}
