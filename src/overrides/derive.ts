import type { Render } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import type { Part } from '../influence/composition.ts';
import { emptyLeaves, isGlobal } from '../influence/empty.ts';
import { formatPath, type Leaf, leavesOf } from '../influence/leaves.ts';
import { compositionsOf, probe, type RenderWith } from '../influence/probe.ts';
import { emptySlot, nameOf, type Slot, slotPath, slotsOf } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import { formatTarget, type Target, targetRepository } from '../oci/naming.ts';
import { formatRepository, tryParseReference } from '../oci/reference.ts';
import { type Assignment, type Equation, evaluate, solve } from './solve.ts';
import { withUnlocking } from './unlock.ts';

export interface DeriveOptions {
  readonly base: Render;
  /** Where references stand in the base render. */
  readonly places: readonly Place[];
  readonly target: Target;
  readonly render: RenderWith;
  /** Read only when the values that are there do not explain everything. */
  readonly templates: () => Promise<readonly TemplateSource[]>;
  /** Leaves, as people write their paths, that are to be left alone. */
  readonly without?: ReadonlySet<string>;
}

export interface Derivation {
  /** New names by slot, unchanged ones left out. */
  readonly assignment: Assignment;
  /** Which places each slot moves. */
  readonly moves: ReadonlyMap<Slot, readonly Place[]>;
  /** Leaves that the chart refused to have marked, as people write their paths. */
  readonly refused: readonly string[];
  /** Switches without which the chart refuses images that are not its own. */
  readonly switches: readonly (readonly string[])[];
}

/**
 * Derives which values have to change so that every place names its private reference (DESIGN.md, Overrides, steps 2
 * to 4). First the leaves that have a value; where those do not explain a place, empty leaves and leaves that only
 * templates read, local ones before those that reach over the whole chart.
 */
export async function derive(options: DeriveOptions): Promise<Derivation> {
  const { base, places, target, render, templates, without = new Set() } = options;
  const isOpen = ({ path }: Leaf): boolean => !without.has(formatPath(path));
  const movable = places.filter((place) => wantedFor(place, target) !== undefined);
  const written = [...new Set(movable.map((place) => place.written))];
  const unlocking = withUnlocking(render);
  const filled = leavesOf(base.values)
    .filter(isOpen)
    .flatMap((leaf) => slotsOf(leaf, written));
  const first = await faithful(movable, base, filled, unlocking.render);
  let solution = settle(movable, target, first, first);
  const refused = new Set<Slot>();
  if (solution.unsolved > 0) {
    const empty = emptyLeaves(base.values, await templates()).filter(isOpen);
    const local = empty.filter((leaf) => !isGlobal(leaf)).map(emptySlot);
    const everywhere = empty.filter(isGlobal).map(emptySlot);
    for (const candidates of [local, [...everywhere, ...local], everywhere]) {
      const more = candidates.filter((slot) => !refused.has(slot));
      if (more.length === 0 || solution.unsolved === 0) continue;
      const probed = await probe(base, [...filled, ...more], unlocking.render);
      const taken = new Set(probed.slots);
      for (const slot of more) if (!taken.has(slot)) refused.add(slot);
      const compositions = compositionsOf(movable, base, probed);
      const next = settle(movable, target, first, compositions);
      if (next.unsolved < solution.unsolved) solution = next;
    }
  }
  return {
    ...minimal(solution.equations, solution.assignment),
    refused: [...refused].map(slotPath),
    switches: unlocking.switches(),
  };
}

/**
 * The compositions by the leaves that have a value. A marker can also turn a condition (`eq .flavor "posix"`), and then
 * what the template wrote is no longer what it writes: a second probe leaves out the leaves that are single words and
 * answers for those places.
 */
async function faithful(
  places: readonly Place[],
  base: Render,
  slots: readonly Slot[],
  render: RenderWith,
): Promise<Part[][][]> {
  const found = compositionsOf(places, base, await probe(base, slots, render));
  const isFaithful = (i: number, all: readonly Part[][]): boolean =>
    all.some((parts) => evaluate(parts, new Map()) === places[i]?.written);
  const names = slots.filter(({ hostFirst, components }) => hostFirst || components.length > 1);
  if (names.length === slots.length || found.every((all, i) => isFaithful(i, all))) return found;
  const again = compositionsOf(places, base, await probe(base, names, render));
  return found.map((all, i) => (isFaithful(i, all) || !isFaithful(i, again[i] ?? []) ? all : (again[i] ?? [])));
}

/** What a place's text has to become; undefined when it is no reference or private already. */
export function wantedFor(place: Place, target: Target): string | undefined {
  const reference = tryParseReference(place.written);
  if (reference === undefined) return undefined;
  const under = formatTarget(target);
  if (place.written.startsWith(`${under}/`)) return undefined;
  return formatRepository(targetRepository(target, reference)) + place.written.slice(nameOf(place.written).length);
}

interface PlacedEquation extends Equation {
  readonly place: Place;
}

interface Settled {
  readonly assignment: Assignment;
  readonly equations: readonly PlacedEquation[];
  readonly unsolved: number;
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
      !useLater.has(i) && later !== first && (isOpen(i) || (later[i] ?? []).some(changed)) ? [i] : [],
    );
    if (turning.length === 0 || round > 4) {
      const solved = equations.flat().filter((equation) => !open.has(equation));
      return { assignment, equations: solved, unsolved: places.filter((_, i) => isOpen(i)).length };
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
