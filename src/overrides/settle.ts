import type { Part } from '../influence/composition.ts';
import { nameOf, type Slot, slotPath } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import { formatTarget, isUnderTarget, type Target, targetRepository } from '../oci/naming.ts';
import { formatRepository, tryParseReference } from '../oci/reference.ts';
import { type Assignment, type Equation, evaluate, solve } from './solve.ts';

/** How places are put together from values, whatever the target. */
export interface Compositions {
  /** Where references stand that are to be moved. */
  readonly places: readonly Place[];
  /** Compositions of each place by the leaves that have a value. */
  readonly first: readonly Part[][][];
  /** The same with leaves that are empty, or that only templates read, for what the first do not explain. */
  readonly later: readonly Part[][][];
}

/** What compositions come to for one target. */
export interface Derivation {
  /** New names by slot, unchanged ones left out. */
  readonly assignment: Assignment;
  /** Which places each slot moves. */
  readonly moves: ReadonlyMap<Slot, readonly Place[]>;
  /** Places that it does not move as they have to be. */
  readonly unsolved: readonly Place[];
}

/** Fills compositions in for a target: every composition that can has to come out as the name that push gives. */
export function fill({ places, first, later }: Compositions, target: Target): Derivation {
  const { equations, assignment, unsolved } = settle(places, target, first, later);
  return { ...minimal(equations, assignment), unsolved };
}

/** What a place's text has to become; undefined when it is no reference or private already. */
export function wantedFor(place: Place, target: Target): string | undefined {
  const reference = tryParseReference(place.written);
  if (reference === undefined || isUnderTarget(target, reference)) return undefined;
  return formatRepository(targetRepository(target, reference)) + place.written.slice(nameOf(place.written).length);
}

interface PlacedEquation extends Equation {
  readonly place: Place;
}

interface Settled {
  readonly assignment: Assignment;
  readonly equations: readonly PlacedEquation[];
  readonly unsolved: readonly Place[];
}

/**
 * Solves with the first compositions where they suffice and with the later ones where they do not. A leaf that was
 * empty and is now set changes other places too; those are then solved by the later compositions as well.
 */
function settle(
  places: readonly Place[],
  target: Target,
  first: readonly Part[][][],
  later: readonly Part[][][],
): Settled {
  const useLater = new Set<number>();
  for (let round = 0; ; round += 1) {
    const chosen = places.map((_, i) => (useLater.has(i) ? later[i] : first[i]) ?? []);
    const equations = places.map((place, i) => (chosen[i] ?? []).map((parts) => equationFor(place, target, parts)));
    const { assignment, unsolved } = solve(equations.flat());
    const open = new Set(unsolved);
    const isOpen = (i: number): boolean =>
      (equations[i] ?? []).length === 0 || (equations[i] ?? []).some((e) => open.has(e));
    const changed = (parts: readonly Part[]): boolean =>
      parts.some(
        (part) => part.kind === 'slot' && part.slot.leaf.value === '' && (assignment.get(part.slot) ?? '') !== '',
      );
    const turning = places.flatMap((_, i) =>
      !useLater.has(i) && later[i] !== first[i] && (isOpen(i) || (later[i] ?? []).some(changed)) ? [i] : [],
    );
    if (turning.length === 0 || round > 4) {
      const solved = equations.flat().filter((equation) => !open.has(equation));
      return { assignment, equations: solved, unsolved: places.filter((_, i) => isOpen(i)) };
    }
    for (const i of turning) useLater.add(i);
  }
}

function equationFor(place: Place, target: Target, parts: readonly Part[]): PlacedEquation {
  const reference = tryParseReference(place.written);
  const host =
    reference === undefined ? '' : targetRepository(target, { registry: reference.registry, path: 'x' }).path;
  const targetFront = formatTarget(target);
  return {
    place,
    written: place.written,
    wanted: wantedFor(place, target) ?? place.written,
    parts,
    hostFront: `${target.registry}/${host}`.replace(/\/x$/, ''),
    targetFront,
  };
}

/** Leaves out what stays as it is, and what nothing needs. */
function minimal(
  equations: readonly PlacedEquation[],
  assignment: Assignment,
): Pick<Derivation, 'assignment' | 'moves'> {
  const moves = new Map<Slot, Place[]>();
  const needed = new Map<Slot, string>();
  for (const { parts, place } of equations) {
    for (const part of parts) {
      if (part.kind !== 'slot') continue;
      const name = assignment.get(part.slot);
      if (name === undefined || name === part.slot.components.join('/') || name === '') continue;
      needed.set(part.slot, name);
      const moved = moves.get(part.slot) ?? [];
      if (!moved.includes(place)) moved.push(place);
      moves.set(part.slot, moved);
    }
  }
  // A slot that was given a name for a place that came out right without it would be noise in the file.
  for (const slot of [...needed.keys()]) {
    const without = new Map([...needed].filter(([other]) => other !== slot));
    if (equations.every(({ parts, wanted }) => evaluate(parts, without) === wanted)) needed.delete(slot);
  }
  return { assignment: needed, moves };
}

/**
 * Leaves of a derivation that moved none of what they were to move. Some charts compute values and write them back
 * (a list that a template appends to): such a leaf shows in the coalesced values and is none that can be set.
 */
export function fruitless({ moves, assignment }: Derivation, isLeft: (place: Place) => boolean): string[] {
  return [...moves].flatMap(([slot, places]) => (assignment.has(slot) && places.every(isLeft) ? [slotPath(slot)] : []));
}
