import { compareText } from '../base/text-order.ts';
import { type NameSegment, segmentPath } from '../value-tracing/name-segments.ts';
import type { TemplatePart } from '../value-tracing/reference-template.ts';

/** Required change of one reference, and the parts that build it. */
export interface Equation {
  /** Current text: the texts of all parts, where empty leaves contribute nothing. */
  readonly written: string;
  /** Required text. */
  readonly required: string;
  readonly parts: readonly TemplatePart[];
  /** Usual prefix for a registry leaf: the target with the source host. */
  readonly hostPrefix: string;
  /** Prefix that fits every image: the target alone. */
  readonly targetPrefix: string;
  /** The reference stays as it is: its segments keep their names, whatever other equations need. */
  readonly isFixed?: boolean;
}

/** New names by segment. A segment that must not change is assigned its current name. */
export type Assignment = ReadonlyMap<NameSegment, string>;

/** Assignment with the equations that it satisfies and those that it does not. */
export interface Solution {
  readonly assignment: Assignment;
  readonly solved: readonly Equation[];
  readonly unsolved: readonly Equation[];
}

type SegmentPart = Extract<TemplatePart, { kind: 'segment' }>;

/**
 * Finds new names for segments so that the equations hold. A shared prefix (a registry leaf) comes first, because it is
 * the smallest and most readable override; the names after it change only where the prefix alone is not exact.
 */
export function solve(equations: readonly Equation[]): Solution {
  const fixed = equations.filter(({ isFixed }) => isFixed);
  const movable = equations.filter(({ isFixed }) => !isFixed);
  const fixedSegments = fixed.flatMap(({ parts }) => parts.flatMap((part) => ('segment' in part ? part.segment : [])));
  const assigned = new Map(fixedSegments.map((segment) => [segment, currentName(segment)]));
  const solved: Equation[] = [];
  const pathOf = (segment: NameSegment | undefined): string => (segment === undefined ? '' : segmentPath(segment));
  const groups = [...Map.groupBy(movable, (equation) => leadingSegment(equation)?.segment)].sort(
    ([a, p], [b, q]) => q.length - p.length || compareText(pathOf(a), pathOf(b)),
  );
  for (const [prefix, group] of groups) {
    if (prefix === undefined) continue;
    const best = bestPrefix(group, assigned);
    for (const [segment, text] of best.assignment) assigned.set(segment, text);
    // Not spread: a recipe in a bundle may have any number.
    for (const equation of best.solved) solved.push(equation);
  }
  const solvedEquations = new Set([
    ...fixed,
    ...solved.filter((equation) => evaluate(equation.parts, assigned) === equation.required),
  ]);
  return {
    assignment: assigned,
    solved: equations.filter((equation) => solvedEquations.has(equation)),
    unsolved: equations.filter((equation) => !solvedEquations.has(equation)),
  };
}

/**
 * Chooses the best prefix. Parent folders of the target, for namings that drop the name, win only if they solve more.
 */
function bestPrefix(group: readonly Equation[], assigned: Assignment): Attempt {
  const better = (a: Attempt, b: Attempt): Attempt => (isBetter(b, a) ? b : a);
  const best = candidatePrefixes(group)
    .map((text) => tryPrefix(group, text, assigned))
    .reduce(better);
  if (best.solved.length === group.length) return best;
  const parentPrefixes = [...new Set(group.flatMap(({ targetPrefix }) => parentFolders(targetPrefix)))];
  return parentPrefixes
    .map((text) => tryPrefix(group, text, assigned))
    .filter(({ solved }) => solved.length > best.solved.length)
    .reduce(better, best);
}

function parentFolders(prefix: string): string[] {
  const slash = prefix.lastIndexOf('/');
  return slash < 0 ? [] : [prefix.slice(0, slash), ...parentFolders(prefix.slice(0, slash))];
}

/** Returns the text of the parts with the assigned names. */
export function evaluate(parts: readonly TemplatePart[], assignment: Assignment): string {
  return parts.map((part) => (part.kind === 'literal' ? part.text : contribution(part, assignment))).join('');
}

function contribution(part: SegmentPart, assignment: Assignment): string {
  const name = assignment.get(part.segment);
  if (name === undefined) return part.text;
  const last = part.segment.components.length - 1;
  if (part.from === 0 && part.to === last) return name;
  // The template uses some components only; count from the end that it keeps.
  const components = name.split('/');
  if (part.from === 0) return components.slice(0, components.length - (last - part.to)).join('/');
  return components.slice(components.length - 1 - last + part.from, components.length - (last - part.to)).join('/');
}

function leadingSegment({ parts }: Equation): SegmentPart | undefined {
  const [first] = parts;
  return first?.kind === 'segment' && first.from === 0 ? first : undefined;
}

/** Returns candidates for the leading segment, most exact first. */
function candidatePrefixes(group: readonly Equation[]): string[] {
  const texts = group.flatMap((equation) => {
    const remainder = evaluate(equation.parts.slice(1), new Map());
    return equation.required.endsWith(remainder)
      ? [equation.required.slice(0, equation.required.length - remainder.length)]
      : [];
  });
  const prefixes = group.flatMap(({ hostPrefix, targetPrefix }) => [hostPrefix, targetPrefix]);
  return [...new Set([...texts, ...prefixes])].filter((text) => text !== '' && !text.endsWith('/'));
}

interface Attempt {
  readonly assignment: Map<NameSegment, string>;
  readonly solved: Equation[];
  readonly length: number;
}

function tryPrefix(group: readonly Equation[], text: string, assigned: Assignment): Attempt {
  const assignment = new Map(assigned);
  const solved: Equation[] = [];
  // Equations solved by the prefix alone come first, because they fix the segments that they use.
  const byNeed = [...group].sort((a, b) => Number(needsMore(a, text)) - Number(needsMore(b, text)));
  for (const equation of byNeed) {
    const names = namesFor(equation, text);
    if (names === undefined) continue;
    if (names.some(([segment, name]) => assignment.has(segment) && assignment.get(segment) !== name)) continue;
    for (const [segment, name] of names) assignment.set(segment, name);
    solved.push(equation);
  }
  return { assignment, solved, length: text.length };
}

function needsMore({ parts, required: wanted }: Equation, prefix: string): boolean {
  return prefix + evaluate(parts.slice(1), new Map()) !== wanted;
}

/** Returns names that solve an equation with this prefix; undefined if there are none. */
function namesFor({ parts, required: wanted }: Equation, prefix: string): [NameSegment, string][] | undefined {
  const [first, ...otherParts] = parts;
  if (first?.kind !== 'segment') return undefined;
  const prefixName = fullName(first, prefix);
  if (prefixName === undefined) return undefined;
  const names: [NameSegment, string][] = [[first.segment, prefixName]];
  const segmentParts = otherParts.filter((part) => part.kind === 'segment');
  if (prefix + evaluate(otherParts, new Map()) === wanted) {
    // Other equations must not change the segments used here.
    for (const part of segmentParts)
      if (part.segment !== first.segment) names.push([part.segment, currentName(part.segment)]);
    return names;
  }
  for (const part of segmentParts) {
    if (part.segment === first.segment) continue;
    const index = otherParts.indexOf(part);
    const before = prefix + evaluate(otherParts.slice(0, index), new Map());
    const after = evaluate(otherParts.slice(index + 1), new Map());
    if (!wanted.startsWith(before) || !wanted.endsWith(after) || wanted.length <= before.length + after.length)
      continue;
    const name = fullName(part, wanted.slice(before.length, wanted.length - after.length));
    if (name === undefined || name.startsWith('/') || name.endsWith('/')) continue;
    for (const other of segmentParts)
      if (other !== part && other.segment !== first.segment) names.push([other.segment, currentName(other.segment)]);
    return [...names, [part.segment, name]];
  }
  return undefined;
}

/** Returns the segment's name with the part's components replaced by `text`. */
function fullName({ segment, from, to }: SegmentPart, text: string): string | undefined {
  if (segment.components.every((component) => component === '')) return text;
  return [...segment.components.slice(0, from), text, ...segment.components.slice(to + 1)].join('/');
}

function currentName({ components }: NameSegment): string {
  return components.every((component) => component === '') ? '' : components.join('/');
}

function isBetter(a: Attempt, b: Attempt): boolean {
  if (a.solved.length !== b.solved.length) return a.solved.length > b.solved.length;
  const changed = ({ assignment }: Attempt): number =>
    [...assignment].filter(([segment, name]) => name !== currentName(segment)).length;
  if (changed(a) !== changed(b)) return changed(a) < changed(b);
  return a.length < b.length;
}
