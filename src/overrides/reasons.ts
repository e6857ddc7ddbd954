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

/** What was tried on the way to a proof. */
export interface Tried {
  readonly derived: readonly { readonly recipe: Recipe; readonly derivation: Derivation }[];
  readonly refused: Accepted<unknown>['refused'];
  /** Images that an operator chooses by itself. */
  readonly chosen: readonly ReferencePlace[];
  /** Whether a value was looked for that gives an operator further variables and arguments. */
  readonly isInjected: boolean;
  readonly target: Target;
  /** Coalesced values without overrides. */
  readonly values: Values;
  /** What the command line sets by key. */
  readonly set: readonly SetKey[];
}

/** Residue with the reason in words, as far as it is known: what a value conflicts with, what the chart refuses, or that nothing reaches it. */
export function withReasons(residue: readonly Residue[], tried: Tried): Residue[] {
  return residue.map((entry) => {
    const because = reasonFor(entry, tried);
    return because === undefined ? entry : { ...entry, because };
  });
}

/** How a refusal begins that is a definition's and not the chart's. */
export const CLUSTER = 'the cluster would refuse';

function reasonFor(entry: Residue, tried: Tried): string | undefined {
  const { derived, refused, chosen, isInjected, target, values, set } = tried;
  const isHere = (place: Place): boolean =>
    place.template === entry.template && pathOf(place) === entry.path && referenceOf(place) === entry.reference;
  const operand = chosen.find((place) => place.reference === entry.reference && isHere(place));
  if (operand !== undefined) return operandReason(operand, isInjected);
  const refusal = refused.find(({ setting }) => setting.comment.split('\n').includes(entry.written));
  if (refusal?.reason.startsWith(CLUSTER))
    return `${formatPath(refusal.setting.path)} would move it, and ${refusal.reason}`;
  if (refusal !== undefined) return `the chart refuses ${formatPath(refusal.setting.path)} to be changed so`;
  for (const { recipe, derivation } of derived) {
    const at = recipe.places.findIndex(isHere);
    const place = recipe.places[at];
    if (place === undefined) continue;
    const isSolved = !derivation.unsolved.includes(place);
    if (isSolved && isTagChanged(target, parseReference(entry.reference)))
      return 'it needs another tag there, and no value changes that alone';
    const fixed = setBy(place.written, values, set);
    const { flag, key } = fixed ?? {};
    const bySet =
      fixed && `${flag} ${key} builds it, and Helm puts ${flag} over values files: set it in a file with -f`;
    return placeReason(at, recipe, derivation, bySet);
  }
  return undefined;
}

/** A template's documents may have the same paths. */
function referenceOf({ written }: Place): string | undefined {
  const reference = tryParseReference(written);
  return reference && formatReference(reference);
}

function operandReason({ redirect }: Place, isInjected: boolean): string {
  if (redirect === undefined || redirect.kind === 'none') return 'nothing tells the operator to take it from elsewhere';
  const what = { values: 'values', env: 'environment variable', argument: 'argument', 'resource-field': 'field' };
  const name = redirect.name === undefined ? '' : ` ${redirect.name}`;
  const isTold = redirect.kind === 'env' || redirect.kind === 'argument';
  const how = isTold && !isInjected ? '; without --no-inject one is looked for' : '';
  return `the ${what[redirect.kind]}${name} would move it, and no value of the chart is known to set that${how}`;
}

/** @param bySet the reason when no value of a file can build it, since the command line sets one */
function placeReason(
  at: number,
  { first, later }: Recipe,
  { assignment, moves }: Derivation,
  bySet: string | undefined,
): string | undefined {
  const compositions = [...(first[at] ?? []), ...(later[at] ?? [])];
  if (compositions.length === 0) return bySet ?? 'no value builds it: it is written in the template';
  for (const part of compositions.flat()) {
    if (part.kind !== 'slot' || !assignment.has(part.slot)) continue;
    const other = moves.get(part.slot)?.find(({ written }) => written !== '');
    if (other !== undefined)
      return `${slotPath(part.slot)} builds it too, and is needed as ${assignment.get(part.slot)} for ${other.written}`;
  }
  return bySet;
}
