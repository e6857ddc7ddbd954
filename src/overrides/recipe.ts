import type { Render } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import type { Part } from '../influence/composition.ts';
import { emptyLeaves, isGlobal } from '../influence/empty.ts';
import { formatPath, type Leaf, leavesOf } from '../influence/leaves.ts';
import { compositionsOf, type Probe, probe, type RenderWith } from '../influence/probe.ts';
import { emptySlot, type Slot, slotPath, slotsOf } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import type { Target } from '../oci/naming.ts';
import { tryParseReference } from '../oci/reference.ts';
import { type Compositions, type Derivation, fill, wantedFor } from './settle.ts';
import { evaluate } from './solve.ts';
import { type Unlocking, withUnlocking } from './unlock.ts';
import { neutralWords } from './words.ts';

/** Describes how values build the references of one render. It does not depend on the target. */
export interface Recipe extends Compositions {
  /** Paths of leaves whose markers the chart refused. */
  readonly refused: readonly string[];
  /** Switches that the chart requires before it accepts other images. */
  readonly switches: readonly (readonly string[])[];
}

/** Input for deriving a recipe. */
export interface ComposeOptions {
  readonly base: Render;
  /** Locations of references in the base render. */
  readonly places: readonly Place[];
  /** Target registry; it only decides how many empty leaves are probed. */
  readonly target: Target;
  readonly render: RenderWith;
  /** Template sources; read only if the values with content do not explain every reference. */
  readonly templates: () => Promise<readonly TemplateSource[]>;
  /** Paths of leaves to leave unchanged. */
  readonly without?: ReadonlySet<string>;
  /** Initial probe, if already done, of all leaves whose value occurs in a reference. */
  readonly start?: Start;
}

/** Probe result, and the switches that it needed. */
export interface Start {
  readonly probed: Probe;
  readonly unlocking: Unlocking;
}

/** Probes all leaves whose value occurs in a reference, and the segments that `extraSegments` adds. */
export async function startProbe(
  base: Render,
  written: readonly string[],
  render: RenderWith,
  {
    isOpen = () => true,
    beside = () => [],
  }: { isOpen?: (leaf: Leaf) => boolean; beside?: (slots: readonly Slot[]) => readonly Slot[] } = {},
): Promise<Start> {
  const unlocking = withUnlocking(render);
  const slots = leavesOf(base.values)
    .filter(isOpen)
    .flatMap((leaf) => slotsOf(leaf, written));
  return { probed: await probe(base, [...slots, ...beside(slots)], unlocking.render), unlocking };
}

/**
 * Determines which values build which reference (DESIGN.md, Overrides, steps 2 and 3). Leaves with a value come first,
 * unless an empty chart-wide registry leaf needs fewer settings. For locations that these do not explain, it tries
 * single words under unrelated keys, then empty leaves and leaves that only templates read: local before global ones.
 */
export async function compose(options: ComposeOptions): Promise<Recipe> {
  const { base, target, render, templates, without = new Set() } = options;
  const isOpen = ({ path }: Leaf): boolean => !without.has(formatPath(path));
  const places = options.places.filter((place) => wantedFor(place, target) !== undefined);
  const written = [...new Set(places.map((place) => place.written))];
  const { probed, unlocking } = options.start ?? (await startProbe(base, written, render, { isOpen }));
  let first = await faithful(places, base, probed, unlocking.render);
  let later: readonly Part[][][] = first;
  const solution = fill({ places, first, later }, target);
  let { length: unsolved } = solution.unsolved;
  const refused = new Set<Slot>();
  if (unsolved === 0 && leavesIn(solution) > 1 && areOfOneRegistry(places)) {
    const shared = emptyLeaves(base.values, await templates()).filter((leaf) => isOpen(leaf) && isRegistryOfAll(leaf));
    const wider =
      shared.length === 0
        ? undefined
        : await probe(base, [...probed.slots, ...shared.map(emptySlot)], unlocking.render);
    const compositions = wider === undefined ? first : compositionsOf(places, base, wider);
    const other = fill({ places, first: compositions, later: compositions }, target);
    if (other.unsolved.length === 0 && leavesIn(other) < leavesIn(solution)) {
      first = compositions;
      later = compositions;
    }
  } else if (unsolved > 0) {
    const empty = emptyLeaves(base.values, await templates()).filter(isOpen);
    const words = await neutralWords(base, probed, solution.unsolved, unlocking.render, isOpen);
    const local = empty.filter((leaf) => !isGlobal(leaf)).map(emptySlot);
    const everywhere = empty.filter(isGlobal).map(emptySlot);
    for (const candidates of [words, local, [...everywhere, ...local], everywhere]) {
      const more = candidates.filter((slot) => !refused.has(slot));
      if (more.length === 0 || unsolved === 0) continue;
      const wider = await probe(base, [...probed.slots, ...more], unlocking.render);
      const taken = new Set(wider.slots);
      for (const slot of more) if (!taken.has(slot)) refused.add(slot);
      const compositions = compositionsOf(places, base, wider);
      const left = fill({ places, first, later: compositions }, target).unsolved.length;
      if (left >= unsolved) continue;
      later = compositions;
      unsolved = left;
    }
  }
  return { places, first, later, refused: [...refused].map(slotPath), switches: unlocking.switches() };
}

/** Reports whether a leaf is the registry of all images, which charts offer and leave empty. */
function isRegistryOfAll(leaf: Leaf): boolean {
  return isGlobal(leaf) && /registry$/i.test(String(leaf.path.at(-1)));
}

/** Reports whether all images have the same registry. Otherwise, no single registry value fits their target names. */
function areOfOneRegistry(places: readonly Place[]): boolean {
  return new Set(places.map(({ written }) => tryParseReference(written)?.registry)).size === 1;
}

/** Number of leaves that a solution sets. */
function leavesIn({ assignment }: Derivation): number {
  return new Set([...assignment.keys()].map(({ leaf }) => leaf)).size;
}

/**
 * Reference templates built from leaves with a value. A marker can also flip a condition (`eq .flavor "posix"`), so
 * that the template prints something else. For those locations, a second probe without single-word leaves decides.
 */
async function faithful(
  places: readonly Place[],
  base: Render,
  probed: Probe,
  render: RenderWith,
): Promise<Part[][][]> {
  const found = compositionsOf(places, base, probed);
  const isFaithful = (i: number, all: readonly Part[][]): boolean =>
    all.some((parts) => evaluate(parts, new Map()) === places[i]?.written);
  const { slots } = probed;
  const names = slots.filter(({ hostFirst, components }) => hostFirst || components.length > 1);
  if (names.length === slots.length || found.every((all, i) => isFaithful(i, all))) return found;
  const again = compositionsOf(places, base, await probe(base, names, render));
  return found.map((all, i) => (isFaithful(i, all) || !isFaithful(i, again[i] ?? []) ? all : (again[i] ?? [])));
}
