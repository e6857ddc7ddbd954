import type { Values } from '../helm/render.ts';
import { formatPath } from '../influence/leaves.ts';
import { slotPath } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import type { SetKey } from '../lock/given.ts';
import { isTagChanged, type Target } from '../oci/naming.ts';
import { formatReference, parseReference, tryParseReference } from '../oci/reference.ts';
import type { Accepted } from './accept.ts';
import { pathOf, type ReferencePlace, type Residue } from './proof.ts';
import type { Recipe } from './recipe.ts';
import { setBy } from './set-values.ts';
import type { Derivation } from './settle.ts';

/** Results of the derivation that explain unmapped references. */
export interface Tried {
  readonly derived: readonly { readonly recipe: Recipe; readonly derivation: Derivation }[];
  readonly refused: Accepted<unknown>['refused'];
  /** Images that operators choose at run time. */
  readonly chosen: readonly ReferencePlace[];
  /** True if values that add variables or arguments to operators were tried. */
  readonly isInjected: boolean;
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
export function withReasons(residue: readonly Residue[], tried: Tried): Residue[] {
  return residue.map((entry) => {
    const because = reasonFor(entry, tried);
    return because === undefined ? entry : { ...entry, because };
  });
}

/** Beginning of a refusal that comes from a CRD and not from the chart. */
export const CLUSTER = 'the cluster would reject';

function reasonFor(entry: Residue, tried: Tried): string | undefined {
  const { derived, refused, chosen, isInjected, target, values, set } = tried;
  const isHere = (place: Place): boolean =>
    place.template === entry.template && pathOf(place) === entry.path && referenceOf(place) === entry.reference;
  const operand = chosen.find((place) => place.reference === entry.reference && isHere(place));
  if (operand !== undefined) return operandReason(operand, isInjected);
  const refusal = refused.find(({ setting }) => setting.comment.split('\n').includes(entry.written));
  if (refusal?.reason.startsWith(CLUSTER))
    return `setting ${formatPath(refusal.setting.path)} would change it, but ${refusal.reason}`;
  if (refusal !== undefined) return `the chart refuses the new value of ${formatPath(refusal.setting.path)}`;
  for (const { recipe, derivation } of derived) {
    const at = recipe.places.findIndex(isHere);
    const place = recipe.places[at];
    if (place === undefined) continue;
    const isSolved = !derivation.unsolved.includes(place);
    if (isSolved && isTagChanged(target, parseReference(entry.reference)))
      return 'it needs a different tag, and no value changes only the tag';
    const fixed = setBy(place.written, values, set);
    const { flag, key } = fixed ?? {};
    const bySet =
      fixed && `${flag} ${key} builds it and takes precedence over values files: set it in a file with -f instead`;
    return placeReason(at, recipe, derivation, bySet);
  }
  return undefined;
}

/** Normalised reference; distinguishes documents of a template that have the same path. */
function referenceOf({ written }: Place): string | undefined {
  const reference = tryParseReference(written);
  return reference && formatReference(reference);
}

function operandReason({ redirect }: Place, isInjected: boolean): string {
  if (redirect === undefined || redirect.kind === 'none') return 'no setting of the operator is known to change it';
  const what = { values: 'values', env: 'environment variable', argument: 'argument', 'resource-field': 'field' };
  const name = redirect.name === undefined ? '' : ` ${redirect.name}`;
  const isTold = redirect.kind === 'env' || redirect.kind === 'argument';
  const how = isTold && !isInjected ? '; run without --no-inject to search for one' : '';
  return `the ${what[redirect.kind]}${name} would change it, but no chart value is known to set that${how}`;
}

/** @param bySet reason if a command-line flag sets the value that builds it */
function placeReason(
  at: number,
  { first, later }: Recipe,
  { assignment, moves }: Derivation,
  bySet: string | undefined,
): string | undefined {
  const compositions = [...(first[at] ?? []), ...(later[at] ?? [])];
  if (compositions.length === 0) return bySet ?? 'it is hard-coded in the template';
  for (const part of compositions.flat()) {
    if (part.kind !== 'segment' || !assignment.has(part.slot)) continue;
    const other = moves.get(part.slot)?.find(({ written }) => written !== '');
    if (other !== undefined)
      return `${slotPath(part.slot)} builds it too, but must be ${assignment.get(part.slot)} for ${other.written}`;
  }
  return bySet;
}
