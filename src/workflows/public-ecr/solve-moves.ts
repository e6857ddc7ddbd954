import { withoutTagAndDigest } from '../../value-tracing/name-segments.ts';
import type { Name, Use, UsePart } from './uses.ts';
import { isLongText } from './values-file.ts';

/** New names, and the uses that cannot be moved, with the reason. */
export interface Moves {
  readonly names: ReadonlyMap<Name, string>;
  readonly unmoved: ReadonlyMap<Use, string>;
}

/**
 * Finds new texts for names in values files, with which exactly the uses of some images name other repositories. Every other
 * use keeps its text: a registry that an image has in common with one that stays is not changed.
 * @param repositoryOf the new `registry/path` of an image; undefined for those that stay
 */
export function solveMoves(uses: readonly Use[], repositoryOf: (reference: string) => string | undefined): Moves {
  const unmoved = new Map<Use, string>();
  for (;;) {
    const movable = uses.filter((use) => repositoryOf(use.reference) !== undefined && !unmoved.has(use));
    const fixed = fixedNames(uses.filter((use) => !movable.includes(use)));
    const names = new Map<Name, string>();
    const failed = new Map<Use, string>();
    for (const use of movable) {
      const reason = moveUse(use, repositoryOf(use.reference) as string, names, fixed);
      if (reason !== undefined) failed.set(use, reason);
    }
    for (const [use, reason] of failed) unmoved.set(use, reason);
    // A use that cannot be moved keeps its text, so its names stay, and others may no longer be movable.
    if (failed.size === 0) return { names: changed(names), unmoved };
  }
}

function changed(names: ReadonlyMap<Name, string>): ReadonlyMap<Name, string> {
  return new Map([...names].filter(([name, text]) => text !== name.text));
}

/** Returns the names that build images which stay, each with one of these. */
function fixedNames(staying: readonly Use[]): ReadonlyMap<Name, string> {
  return new Map(
    staying.flatMap(({ forms, reference }) =>
      forms.flat().flatMap(({ name }) => (name === undefined ? [] : [[name, reference] as const])),
    ),
  );
}

/** Adds new names with which a use has another repository. @returns why there are none */
function moveUse(
  { written, forms, flags = [] }: Use,
  repository: string,
  names: Map<Name, string>,
  fixed: ReadonlyMap<Name, string>,
): string | undefined {
  if (forms.length === 0)
    return flags.length === 0 ? 'no value changes it' : `no value of a file changes it, given ${flags.join(' ')}`;
  const added = new Map(names);
  for (const form of forms) {
    const parts = nameParts(form, withoutTagAndDigest(written).length);
    const candidates = parts === undefined ? [] : assignments(parts, repository);
    if (parts === undefined || candidates.length === 0) return 'the template writes a part of its name';
    const refusals = candidates.map((candidate) => refusal(candidate, added, fixed));
    const accepted = candidates[refusals.indexOf(undefined)];
    if (accepted === undefined) return refusals[0];
    for (const [name, text] of accepted) added.set(name, text);
  }
  for (const [name, text] of added) names.set(name, text);
  return undefined;
}

/** Returns the parts of the name without tag and digest; undefined if it ends within a name of the values. */
function nameParts(form: readonly UsePart[], length: number): readonly UsePart[] | undefined {
  const parts: UsePart[] = [];
  let left = length;
  for (const part of form) {
    if (left === 0) break;
    if (part.text.length > left && part.name !== undefined) return undefined;
    parts.push(part.text.length > left ? { text: part.text.slice(0, left) } : part);
    left -= Math.min(left, part.text.length);
  }
  return parts;
}

type Assignment = ReadonlyMap<Name, string>;

/** Returns the ways to build a repository, the most readable first; each says what becomes of all names of the use. */
function assignments(parts: readonly UsePart[], repository: string): Assignment[] {
  const [first, ...rest] = parts;
  if (first?.name === undefined || !first.isWhole) return [];
  const kept = new Map(rest.flatMap(({ name }) => (name === undefined ? [] : [[name, name.text] as const])));
  const tail = textOf(rest);
  const whole = repository.endsWith(tail) ? repository.slice(0, repository.length - tail.length) : '';
  const byPrefix = whole === '' || whole.endsWith('/') ? [] : [new Map(kept).set(first.name, whole)];
  const host = repository.slice(0, repository.indexOf('/'));
  const byPath = rest.flatMap((part, i) => {
    if (part.name === undefined || !part.isWhole || part.name === first.name) return [];
    const before = host + textOf(rest.slice(0, i));
    const after = textOf(rest.slice(i + 1));
    const fits =
      repository.startsWith(before) && repository.endsWith(after) && repository.length > before.length + after.length;
    const text = fits ? repository.slice(before.length, repository.length - after.length) : '';
    return text === '' || text.startsWith('/') || text.endsWith('/')
      ? []
      : [new Map(kept).set(first.name as Name, host).set(part.name, text)];
  });
  // A registry stays a host, and the path goes where the path was.
  const isRegistry = first.name.hostFirst && first.name.components.length === 1;
  return isRegistry ? [...byPath, ...byPrefix] : [...byPrefix, ...byPath];
}

function textOf(parts: readonly UsePart[]): string {
  return parts.map(({ text }) => text).join('');
}

/** Returns why an assignment is not possible; undefined if it is. */
function refusal(assignment: Assignment, names: Assignment, fixed: ReadonlyMap<Name, string>): string | undefined {
  for (const [name, text] of assignment) {
    const other = names.get(name);
    if (other !== undefined && other !== text) return `${name.path} also builds other images`;
    if (text === name.text) continue;
    const stays = fixed.get(name);
    if (stays !== undefined) return `${name.path} also builds ${stays}, which stays`;
    if (typeof name.scalar === 'string') return name.scalar;
    if (isLongText(name.scalar)) return `${name.path} is a longer text, to be edited by hand`;
    if (name.scalar.isAnchored) return `${name.path} has an anchor, so that a change reaches its aliases`;
    const { file, inArchive } = name.scalar.file;
    if (inArchive !== undefined) return `${name.path} is in ${inArchive} of ${file}`;
  }
  return undefined;
}
