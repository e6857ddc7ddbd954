import type { Part } from '../influence/composition.ts';
import { nameOf, type Slot, slotPath } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import { formatTarget, isUnderTarget, type Target, targetRepository } from '../oci/naming.ts';
import { formatRepository, tryParseReference } from '../oci/reference.ts';
import { type Assignment, type Equation, evaluate, solve } from './solve.ts';

/** Locations of references and the templates that build them from values; independent of the target. */
export interface Compositions {
  /** Locations of the references to move. */
  readonly places: readonly Place[];
  /** Reference templates of each location, using leaves that have a value. */
  readonly first: readonly Part[][][];
  /** Reference templates that also use empty leaves and leaves only templates read, where `first` does not suffice. */
  readonly later: readonly Part[][][];
}

/** Solution of a recipe for one target. */
export interface Derivation {
  /** New names by segment, without unchanged ones. */
  readonly assignment: Assignment;
  /** Locations that each segment moves. */
  readonly moves: ReadonlyMap<Slot, readonly Place[]>;
  /** Locations that the assignment does not move to the required name. */
  readonly unsolved: readonly Place[];
}

/** Solves a recipe for a target, so that as many locations as possible get the name that push gives. */
export function fill({ places, first, later }: Compositions, target: Target): Derivation {
  const { equations, assignment, unsolved } = settle(places, target, first, later);
  return { ...minimal(equations, assignment), unsolved };
}

/** Returns the text that a location needs; undefined if it is not a reference, or already private. */
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
 * Solves with the first reference templates, and with the later ones where those do not suffice. Setting an empty leaf
 * changes other locations too, so these are then solved with their later templates as well.
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
        (part) => part.kind === 'segment' && part.slot.leaf.value === '' && (assignment.get(part.slot) ?? '') !== '',
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

/** Removes names that are unchanged and names that no equation needs. */
function minimal(
  equations: readonly PlacedEquation[],
  assignment: Assignment,
): Pick<Derivation, 'assignment' | 'moves'> {
  const moves = new Map<Slot, Place[]>();
  const needed = new Map<Slot, string>();
  for (const { parts, place } of equations) {
    for (const part of parts) {
      if (part.kind !== 'segment') continue;
      const name = assignment.get(part.slot);
      if (name === undefined || name === part.slot.components.join('/') || name === '') continue;
      needed.set(part.slot, name);
      const moved = moves.get(part.slot) ?? [];
      if (!moved.includes(place)) moved.push(place);
      moves.set(part.slot, moved);
    }
  }
  // A name that no location depends on would only clutter the file.
  for (const slot of [...needed.keys()]) {
    const without = new Map([...needed].filter(([other]) => other !== slot));
    if (equations.every(({ parts, wanted }) => evaluate(parts, without) === wanted)) needed.delete(slot);
  }
  return { assignment: needed, moves };
}

/**
 * Returns leaves that moved none of their locations. Some charts compute values and write them back, such as a list
 * that a template appends to: these leaves appear in the coalesced values, but setting them has no effect.
 */
export function fruitless({ moves, assignment }: Derivation, isLeft: (place: Place) => boolean): string[] {
  return [...moves].flatMap(([slot, places]) => (assignment.has(slot) && places.every(isLeft) ? [slotPath(slot)] : []));
}
