import type { Part } from '../influence/composition.ts';
import { type Slot, slotPath } from '../influence/slots.ts';

/** One reference that has to become another, and how it is put together. */
export interface Equation {
  /** As it is written now; the texts of the parts, except that empty leaves contribute nothing. */
  readonly written: string;
  /** What it has to become, in full. */
  readonly wanted: string;
  readonly parts: readonly Part[];
  /** The front a registry leaf would naturally get: target with the source's host. */
  readonly hostFront: string;
  /** The front that suits any image: the target alone. */
  readonly targetFront: string;
}

/** New names by slot. A slot that has to stay as it is has its own text. */
export type Assignment = ReadonlyMap<Slot, string>;

export interface Solution {
  readonly assignment: Assignment;
  readonly solved: readonly Equation[];
  readonly unsolved: readonly Equation[];
}

type SlotPart = Extract<Part, { kind: 'slot' }>;

/**
 * Finds new names for slots so that every equation comes out as wanted: a shared front (a registry leaf) first, since
 * that is the smallest and most readable override, then names behind it where the front alone would not be exact.
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

/** The folders above the target are for namings that leave nothing of a name; they count only where they solve more. */
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

/** What the parts make when slots have new names. */
export function evaluate(parts: readonly Part[], assignment: Assignment): string {
  return parts.map((part) => (part.kind === 'literal' ? part.text : contribution(part, assignment))).join('');
}

function contribution(part: SlotPart, assignment: Assignment): string {
  const name = assignment.get(part.slot);
  if (name === undefined) return part.text;
  const last = part.slot.components.length - 1;
  if (part.from === 0 && part.to === last) return name;
  // The template takes some components only: counted from the end that it holds on to.
  const components = name.split('/');
  if (part.from === 0) return components.slice(0, components.length - (last - part.to)).join('/');
  return components.slice(components.length - 1 - last + part.from, components.length - (last - part.to)).join('/');
}

function frontOf({ parts }: Equation): SlotPart | undefined {
  const [first] = parts;
  return first?.kind === 'slot' && first.from === 0 ? first : undefined;
}

/** Texts that the front slot could get, the most exact first. */
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
  // Those that need nothing but the front come first: what they use must then stay as it is.
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

/** The names that make one equation right with this front; undefined when there are none. */
function settingsFor({ parts, wanted }: Equation, front: string): [Slot, string][] | undefined {
  const [first, ...rest] = parts;
  if (first?.kind !== 'slot') return undefined;
  const frontName = wholeName(first, front);
  if (frontName === undefined) return undefined;
  const settings: [Slot, string][] = [[first.slot, frontName]];
  const slots = rest.filter((part) => part.kind === 'slot');
  if (front + evaluate(rest, new Map()) === wanted) {
    // What it uses must not be changed for another's sake.
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

/** The slot's name when some of its components become `text`. */
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
