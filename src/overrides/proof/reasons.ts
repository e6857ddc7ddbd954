import { formatPath } from '../../base/field-path.ts';
import type { Values } from '../../helm/render.ts';
import type { Location } from '../../inventory/finding.ts';
import type { SetKey } from '../../inventory/values-origin.ts';
import { isTagChanged, type Target } from '../../naming/naming.ts';
import { formatReference, parseReference, tryParseReference, withoutScheme } from '../../oci/reference.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { RecipeLocation, RecipeSolution } from '../../recipe/solve-recipe.ts';
import { type LeafPath, leavesOf } from '../../value-tracing/leaves.ts';
import { type NameSegment, segmentPath, segmentsOf } from '../../value-tracing/name-segments.ts';
import { CLUSTER_REFUSAL } from '../crd/crd-validator.ts';
import type { AcceptedSettings } from '../settings/accepted-settings.ts';
import { locationPath, type ReferenceLocation, type UnmappedReference } from './proof.ts';

/** Results of the derivation that explain unmapped references. */
export interface ProofAttempt {
  readonly solved: readonly { readonly recipe: Recipe; readonly solution: RecipeSolution }[];
  readonly refused: AcceptedSettings<unknown>['refused'];
  /** Images that operators choose at run time. */
  readonly operands: readonly ReferenceLocation[];
  /** True if values that add variables or arguments to operators were tried. */
  readonly isInjectionEnabled: boolean;
  readonly target: Target;
  /** Coalesced values without overrides. */
  readonly values: Values;
  /** Keys set on the command line. */
  readonly set: readonly SetKey[];
}

/**
 * Adds the known reason to each unmapped reference: conflicting values, a setting that the chart refuses, or no value
 * at all.
 */
export function withReasons(unmapped: readonly UnmappedReference[], attempt: ProofAttempt): UnmappedReference[] {
  return unmapped.map((entry) => {
    const because = entry.because ?? reasonFor(entry, attempt);
    return because === undefined ? entry : { ...entry, because };
  });
}

function reasonFor(entry: UnmappedReference, attempt: ProofAttempt): string | undefined {
  const { solved, refused, operands, isInjectionEnabled, target, values, set } = attempt;
  const isAtLocation = (location: RecipeLocation): boolean =>
    location.template === entry.template &&
    locationPath(location) === entry.path &&
    referenceOf(location) === entry.reference;
  const operand = operands.find((location) => location.reference === entry.reference && isAtLocation(location));
  if (operand !== undefined) return operandReason(operand, isInjectionEnabled);
  const refusal = refused.find(({ setting }) => setting.comment.split('\n').includes(entry.written));
  if (refusal?.reason.startsWith(CLUSTER_REFUSAL))
    return `setting ${formatPath(refusal.setting.path)} would change it, but ${refusal.reason}`;
  if (refusal !== undefined) return `the chart refuses the new value of ${formatPath(refusal.setting.path)}`;
  for (const { recipe, solution } of solved) {
    const index = recipe.locations.findIndex(isAtLocation);
    const location = recipe.locations[index];
    if (location === undefined) continue;
    const isSolved = !solution.unsolved.includes(location);
    if (isSolved && isTagChanged(target, parseReference(entry.reference)))
      return 'it needs a different tag, and no value changes only the tag';
    const setKey = findSetKey(location.written, values, set);
    const { flag, key } = setKey ?? {};
    const setFlagReason =
      setKey && `${flag} ${key} builds it and takes precedence over values files: set it in a file with -f instead`;
    return locationReason(index, recipe, solution, setFlagReason);
  }
  return undefined;
}

/** Normalised reference; distinguishes documents of a template that have the same path. */
function referenceOf({ written, isPrefix }: RecipeLocation): string | undefined {
  if (isPrefix) return written;
  const reference = tryParseReference(withoutScheme(written));
  return reference && formatReference(reference);
}

function operandReason({ redirect }: Location, isInjectionEnabled: boolean): string {
  if (redirect === undefined || redirect.kind === 'none') return 'no setting of the operator is known to change it';
  const settingNames = {
    values: 'values',
    env: 'environment variable',
    argument: 'argument',
    'resource-field': 'field',
  };
  const name = redirect.name === undefined ? '' : ` ${redirect.name}`;
  const isInjectable = redirect.kind === 'env' || redirect.kind === 'argument';
  const advice = isInjectable && !isInjectionEnabled ? '; run without --no-inject to search for one' : '';
  return `the ${settingNames[redirect.kind]}${name} would change it, but no chart value is known to set that${advice}`;
}

/** @param setFlagReason reason if a command-line flag sets the value that builds it */
function locationReason(
  index: number,
  { locations, first, later }: Recipe,
  { assignment, moves }: RecipeSolution,
  setFlagReason: string | undefined,
): string | undefined {
  const referenceTemplates = [...(first[index] ?? []), ...(later[index] ?? [])];
  if (referenceTemplates.length === 0) return setFlagReason ?? 'it is hard-coded in the template';
  for (const part of referenceTemplates.flat()) {
    if (part.kind !== 'segment') continue;
    const kept = locations.find(({ stays }, i) => stays && usesSegment([first[i], later[i]], part.segment));
    if (kept !== undefined)
      return `${segmentPath(part.segment)} builds ${kept.written} too, which stays public on purpose`;
    if (!assignment.has(part.segment)) continue;
    const other = moves.get(part.segment)?.find(({ written }) => written !== '');
    if (other !== undefined)
      return `${segmentPath(part.segment)} builds it too, but must be ${assignment.get(part.segment)} for ${other.written}`;
  }
  return setFlagReason;
}

function usesSegment(templates: readonly (Recipe['first'][number] | undefined)[], segment: NameSegment): boolean {
  return templates.some((lists) => lists?.flat().some((part) => part.kind === 'segment' && part.segment === segment));
}

/**
 * Finds the command-line key that sets a value which may build a reference. Flags such as `--set` take precedence over
 * all values files, so an overrides file cannot change such a reference.
 * @param values coalesced values without overrides
 */
function findSetKey(written: string, values: Values, keys: readonly SetKey[]): SetKey | undefined {
  if (keys.length === 0) return undefined;
  const building = leavesOf(values).filter((leaf) => segmentsOf(leaf, [written]).length > 0);
  return keys.find(({ key }) => {
    const setPath = parseSetKey(key);
    return setPath.length > 0 && building.some(({ path }) => isPathPrefix(path, setPath));
  });
}

/** Parses a key in Helm's notation: `image.repository`, `list[0].name`, `a\.b.c`. */
function parseSetKey(key: string): LeafPath {
  return [...key.matchAll(/\[(\d+)\]|((?:\\.|[^\\.[\]])+)/gs)].map(([, index, name = '']) =>
    index === undefined ? name.replace(/\\(.)/gs, '$1') : Number(index),
  );
}

function isPathPrefix(path: LeafPath, prefix: LeafPath): boolean {
  return prefix.every((key, i) => path[i] === key);
}
