import type { Location } from '../inventory/finding.ts';
import { formatTarget, isUnderTarget, type Target, targetRepository } from '../naming/naming.ts';
import { targetPrefix } from '../naming/path-prefix.ts';
import { formatRepository, schemeOf, tryParseReference, withoutScheme } from '../oci/reference.ts';
import { type NameSegment, segmentPath, withoutTagAndDigest } from '../value-tracing/name-segments.ts';
import type { TemplatePart } from '../value-tracing/reference-template.ts';
import { type Assignment, type Equation, evaluate, solve } from './solve.ts';

/** Location of a reference that values build. */
export interface RecipeLocation extends Location {
  /** It has only the beginning of a reference, which a program completes. */
  readonly isPrefix?: true;
  /** The reference stays public on purpose, so no value that builds it changes. */
  readonly stays?: true;
}

/** Locations of references and the templates that build them from values; independent of the target. */
export interface LocationTemplates {
  /** Locations of the references to move, and of those that stay. */
  readonly locations: readonly RecipeLocation[];
  /** Reference templates of each location, using leaves that have a value. */
  readonly first: readonly TemplatePart[][][];
  /** Reference templates that also use empty leaves and leaves only templates read, where `first` does not suffice. */
  readonly later: readonly TemplatePart[][][];
}

/** Solution of a recipe for one target. */
export interface RecipeSolution {
  /** New names by segment, without unchanged ones. */
  readonly assignment: Assignment;
  /** Locations that each segment moves. */
  readonly moves: ReadonlyMap<NameSegment, readonly Location[]>;
  /** Locations that the assignment does not move to the required name. */
  readonly unsolved: readonly Location[];
}

/** Solves a recipe for a target, so that as many locations as possible get the name that push gives. */
export function solveRecipe({ locations, first, later }: LocationTemplates, target: Target): RecipeSolution {
  const { equations, assignment, unsolved } = solveWithFallback(locations, target, first, later);
  return { ...withoutUnneeded(equations, assignment), unsolved };
}

/** Returns the locations that no values move to the required name. */
export function unsolvedLocations({ locations, first, later }: LocationTemplates, target: Target): readonly Location[] {
  return solveWithFallback(locations, target, first, later).unsolved;
}

/** Reports whether a recipe for a target contains a location: its reference has to move, or must not. */
export function isOfRecipe(location: RecipeLocation, target: Target): boolean {
  return location.stays === true || requiredText(location, target) !== undefined;
}

/**
 * Returns the reference that a location needs, without its scheme; undefined if it is not a reference, already private, or
 * stays.
 */
export function requiredText({ written, isPrefix, stays }: RecipeLocation, target: Target): string | undefined {
  if (stays) return undefined;
  const text = withoutScheme(written);
  if (isPrefix) return targetPrefix(target, text);
  const reference = tryParseReference(text);
  if (reference === undefined || isUnderTarget(target, reference)) return undefined;
  return formatRepository(targetRepository(target, reference)) + text.slice(withoutTagAndDigest(text).length);
}

/** Drops the scheme, which stays as it is, from the parts of a reference. */
function partsWithoutScheme(parts: readonly TemplatePart[], scheme: string): readonly TemplatePart[] {
  const [first, ...others] = parts;
  if (scheme === '' || first?.kind !== 'literal' || !first.text.startsWith(scheme)) return parts;
  const text = first.text.slice(scheme.length);
  return text === '' ? others : [{ kind: 'literal', text }, ...others];
}

interface LocationEquation extends Equation {
  readonly location: RecipeLocation;
}

interface SolvedEquations {
  readonly assignment: Assignment;
  readonly equations: readonly LocationEquation[];
  readonly unsolved: readonly Location[];
}

/**
 * Solves with the first reference templates, and with the later ones where those do not suffice. Setting an empty leaf
 * changes other locations too, so these are then solved with their later templates as well.
 */
function solveWithFallback(
  locations: readonly RecipeLocation[],
  target: Target,
  first: readonly TemplatePart[][][],
  later: readonly TemplatePart[][][],
): SolvedEquations {
  const useLater = new Set<number>();
  for (let round = 0; ; round += 1) {
    const selected = locations.map((_, i) => (useLater.has(i) ? later[i] : first[i]) ?? []);
    const equations = locations.map((location, i) =>
      (selected[i] ?? []).map((parts) => equationFor(location, target, parts)),
    );
    const { assignment, unsolved } = solve(equations.flat());
    const unsolvedEquations = new Set(unsolved);
    const isUnsolved = (i: number): boolean =>
      (!locations[i]?.stays && (equations[i] ?? []).length === 0) ||
      (equations[i] ?? []).some((equation) => unsolvedEquations.has(equation));
    const fillsEmptyLeaf = (parts: readonly TemplatePart[]): boolean =>
      parts.some(
        (part) =>
          part.kind === 'segment' && part.segment.leaf.value === '' && (assignment.get(part.segment) ?? '') !== '',
      );
    const switching = locations.flatMap((_, i) =>
      !useLater.has(i) && later[i] !== first[i] && (isUnsolved(i) || (later[i] ?? []).some(fillsEmptyLeaf)) ? [i] : [],
    );
    if (switching.length === 0 || round > 4) {
      const solved = equations.flat().filter((equation) => !unsolvedEquations.has(equation));
      return { assignment, equations: solved, unsolved: locations.filter((_, i) => isUnsolved(i)) };
    }
    for (const i of switching) useLater.add(i);
  }
}

function equationFor(location: RecipeLocation, target: Target, parts: readonly TemplatePart[]): LocationEquation {
  const written = withoutScheme(location.written);
  const reference = tryParseReference(location.isPrefix ? `${written}/x` : written);
  const hostPath =
    reference === undefined ? '' : targetRepository(target, { registry: reference.registry, path: 'x' }).path;
  const targetPrefix = formatTarget(target);
  return {
    location,
    written,
    required: requiredText(location, target) ?? written,
    isFixed: location.stays,
    parts: partsWithoutScheme(parts, schemeOf(location.written)),
    hostPrefix: `${target.registry}/${hostPath}`.replace(/\/x$/, ''),
    targetPrefix,
  };
}

/** Removes names that are unchanged and names that no equation needs. */
function withoutUnneeded(
  equations: readonly LocationEquation[],
  assignment: Assignment,
): Pick<RecipeSolution, 'assignment' | 'moves'> {
  const moves = new Map<NameSegment, Location[]>();
  const needed = new Map<NameSegment, string>();
  for (const { parts, location } of equations) {
    for (const part of parts) {
      if (part.kind !== 'segment') continue;
      const name = assignment.get(part.segment);
      if (name === undefined || name === part.segment.components.join('/') || name === '') continue;
      needed.set(part.segment, name);
      const movedLocations = moves.get(part.segment) ?? [];
      if (!movedLocations.includes(location)) movedLocations.push(location);
      moves.set(part.segment, movedLocations);
    }
  }
  // A name that no location depends on would only clutter the file.
  for (const segment of [...needed.keys()]) {
    const remaining = new Map([...needed].filter(([other]) => other !== segment));
    if (equations.every(({ parts, required: wanted }) => evaluate(parts, remaining) === wanted)) needed.delete(segment);
  }
  return { assignment: needed, moves };
}

/**
 * Returns leaves that moved none of their locations. Some charts compute values and write them back, such as a list
 * that a template appends to: these leaves appear in the coalesced values, but setting them has no effect.
 */
export function ineffectiveLeaves(
  { moves, assignment }: RecipeSolution,
  isUnmoved: (location: Location) => boolean,
): string[] {
  return [...moves].flatMap(([segment, locations]) =>
    assignment.has(segment) && locations.every(isUnmoved) ? [segmentPath(segment)] : [],
  );
}
