import type { Part } from '../influence/composition.ts';
import { type Slot, slotPath } from '../influence/slots.ts';

/** Required change of one reference, and the parts that build it. */
export interface Equation {
  /** Current text: the texts of all parts, where empty leaves contribute nothing. */
  readonly written: string;
  /** Required text. */
  readonly wanted: string;
  readonly parts: readonly Part[];
  /** Usual prefix for a registry leaf: the target with the source host. */
  readonly hostFront: string;
  /** Prefix that fits every image: the target alone. */
  readonly targetFront: string;
}

/** New names by segment. A segment that must not change is assigned its current name. */
export type Assignment = ReadonlyMap<Slot, string>;

/** Assignment with the equations that it satisfies and those that it does not. */
export interface Solution {
  readonly assignment: Assignment;
  readonly solved: readonly Equation[];
  readonly unsolved: readonly Equation[];
}

type SlotPart = Extract<Part, { kind: 'segment' }>;

/**
 * Finds new names for segments so that the equations hold. A shared prefix (a registry leaf) comes first, because it is
 * the smallest and most readable override; the names after it change only where the prefix alone is not exact.
 */
export function solve(equations: readonly Equation[]): Solution {
  const fixed = new Map<Slot, string>();
  const solved: Equation[] = [];
  const groups = [...Map.groupBy(equations, (equation) => frontOf(equation)?.slot)].sort(
    ([a, p], [b, q]) => q.length - p.length || compare(a, b),
  );
  for (const [front, group] of groups) {
    if (front === undefined) continue;
    const best = bestFront(group, fixed);
    for (const [slot, text] of best.assignment) fixed.set(slot, text);
    solved.push(...best.solved);
  }
  const right = new Set(solved.filter((equation) => evaluate(equation.parts, fixed) === equation.wanted));
  return {
    assignment: fixed,
    solved: equations.filter((equation) => right.has(equation)),
    unsolved: equations.filter((equation) => !right.has(equation)),
  };
}

/**
 * Chooses the best prefix. Parent folders of the target, for namings that drop the name, win only if they solve more.
 */
function bestFront(group: readonly Equation[], fixed: Assignment): Attempt {
  const better = (a: Attempt, b: Attempt): Attempt => (isBetter(b, a) ? b : a);
  const best = fronts(group)
    .map((text) => tryFront(group, text, fixed))
    .reduce(better);
  if (best.solved.length === group.length) return best;
  const wider = [...new Set(group.flatMap(({ targetFront }) => foldersAbove(targetFront)))];
  return wider
    .map((text) => tryFront(group, text, fixed))
    .filter(({ solved }) => solved.length > best.solved.length)
    .reduce(better, best);
}

function foldersAbove(front: string): string[] {
  const at = front.lastIndexOf('/');
  return at < 0 ? [] : [front.slice(0, at), ...foldersAbove(front.slice(0, at))];
}

/** Returns the text of the parts with the assigned names. */
export function evaluate(parts: readonly Part[], assignment: Assignment): string {
  return parts.map((part) => (part.kind === 'literal' ? part.text : contribution(part, assignment))).join('');
}

function contribution(part: SlotPart, assignment: Assignment): string {
  const name = assignment.get(part.slot);
  if (name === undefined) return part.text;
  const last = part.slot.components.length - 1;
  if (part.from === 0 && part.to === last) return name;
  // The template uses some components only; count from the end that it keeps.
  const components = name.split('/');
  if (part.from === 0) return components.slice(0, components.length - (last - part.to)).join('/');
  return components.slice(components.length - 1 - last + part.from, components.length - (last - part.to)).join('/');
}

function frontOf({ parts }: Equation): SlotPart | undefined {
  const [first] = parts;
  return first?.kind === 'segment' && first.from === 0 ? first : undefined;
}

/** Returns candidates for the leading segment, most exact first. */
function fronts(group: readonly Equation[]): string[] {
  const texts = group.flatMap((equation) => {
    const rest = evaluate(equation.parts.slice(1), new Map());
    return equation.wanted.endsWith(rest) ? [equation.wanted.slice(0, equation.wanted.length - rest.length)] : [];
  });
  const whole = group.flatMap(({ hostFront, targetFront }) => [hostFront, targetFront]);
  return [...new Set([...texts, ...whole])].filter((text) => text !== '' && !text.endsWith('/'));
}

interface Attempt {
  readonly assignment: Map<Slot, string>;
  readonly solved: Equation[];
  readonly length: number;
}

function tryFront(group: readonly Equation[], text: string, fixed: Assignment): Attempt {
  const assignment = new Map(fixed);
  const solved: Equation[] = [];
  // Equations solved by the prefix alone come first, because they fix the segments that they use.
  const byNeed = [...group].sort((a, b) => Number(needsMore(a, text)) - Number(needsMore(b, text)));
  for (const equation of byNeed) {
    const settings = settingsFor(equation, text);
    if (settings === undefined) continue;
    if (settings.some(([slot, name]) => assignment.has(slot) && assignment.get(slot) !== name)) continue;
    for (const [slot, name] of settings) assignment.set(slot, name);
    solved.push(equation);
  }
  return { assignment, solved, length: text.length };
}

function needsMore({ parts, wanted }: Equation, front: string): boolean {
  return front + evaluate(parts.slice(1), new Map()) !== wanted;
}

/** Returns names that solve an equation with this prefix; undefined if there are none. */
function settingsFor({ parts, wanted }: Equation, front: string): [Slot, string][] | undefined {
  const [first, ...rest] = parts;
  if (first?.kind !== 'segment') return undefined;
  const frontName = wholeName(first, front);
  if (frontName === undefined) return undefined;
  const settings: [Slot, string][] = [[first.slot, frontName]];
  const slots = rest.filter((part) => part.kind === 'segment');
  if (front + evaluate(rest, new Map()) === wanted) {
    // Other equations must not change the segments used here.
    for (const part of slots) if (part.slot !== first.slot) settings.push([part.slot, ownName(part.slot)]);
    return settings;
  }
  for (const part of slots) {
    if (part.slot === first.slot) continue;
    const at = rest.indexOf(part);
    const before = front + evaluate(rest.slice(0, at), new Map());
    const after = evaluate(rest.slice(at + 1), new Map());
    if (!wanted.startsWith(before) || !wanted.endsWith(after) || wanted.length <= before.length + after.length)
      continue;
    const name = wholeName(part, wanted.slice(before.length, wanted.length - after.length));
    if (name === undefined || name.startsWith('/') || name.endsWith('/')) continue;
    for (const other of slots)
      if (other !== part && other.slot !== first.slot) settings.push([other.slot, ownName(other.slot)]);
    return [...settings, [part.slot, name]];
  }
  return undefined;
}

/** Returns the segment's name with the part's components replaced by `text`. */
function wholeName({ slot, from, to }: SlotPart, text: string): string | undefined {
  if (slot.components.every((component) => component === '')) return text;
  return [...slot.components.slice(0, from), text, ...slot.components.slice(to + 1)].join('/');
}

function ownName({ components }: Slot): string {
  return components.every((component) => component === '') ? '' : components.join('/');
}

function isBetter(a: Attempt, b: Attempt): boolean {
  if (a.solved.length !== b.solved.length) return a.solved.length > b.solved.length;
  const changed = ({ assignment }: Attempt): number =>
    [...assignment].filter(([slot, name]) => name !== ownName(slot)).length;
  if (changed(a) !== changed(b)) return changed(a) < changed(b);
  return a.length < b.length;
}

function compare(a: Slot | undefined, b: Slot | undefined): number {
  const x = a === undefined ? '' : slotPath(a);
  const y = b === undefined ? '' : slotPath(b);
  return x < y ? -1 : x > y ? 1 : 0;
}
