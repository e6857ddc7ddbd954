import { withoutEnds } from '../base/text-ends.ts';
import type { SplitPart } from '../lock/finding.ts';
import { partOf, type Role, wordsOf } from './naming.ts';
import { innermost, type Spot } from './spot.ts';

/** A named scalar: field of a mapping, environment variable, flag, or assignment in a text. */
export interface Field {
  readonly key: string;
  readonly text: string;
  readonly spot: Spot;
}

/** A reference that is split over several fields. */
export interface Split {
  /** The joined reference, as the consumer of the fields would join them. */
  readonly written: string;
  readonly parts: readonly SplitPart[];
  /** Path of the part that names the repository. */
  readonly spot: Spot;
}

interface Part {
  readonly role: Role;
  readonly field: Field;
}

/** Registry and tag that a mapping sets for every bare image below it (`hub` and `tag`). */
export type Inherited = readonly Part[];

type Groups = ReadonlyMap<string, readonly Part[]>;

/**
 * Finds references that are split over sibling fields, in the forms repository+tag, registry+repository+tag,
 * repository+image+version, image+tag, each with or without a common prefix (`proxyImage`, `proxyVersion`). `used` also
 * contains the fields of an incomplete reference: an `image` that lacks its tag is no reference by itself.
 */
export function findSplits(
  fields: readonly Field[],
  underImage: boolean,
  inherited: Inherited,
): { readonly splits: readonly Split[]; readonly used: ReadonlySet<Field> } {
  const groups = group(fields, underImage);
  const splits: Split[] = [];
  const used = new Set<Field>();
  for (const stem of groups.keys()) {
    const parts = partsOf(stem, groups, underImage, inherited);
    if (parts === undefined) continue;
    for (const part of parts) used.add(part.field);
    const split = compose(parts);
    if (split !== undefined) splits.push(split);
  }
  return { splits, used };
}

/** Returns the registry and tag that apply to the mappings below: those without an image next to them. */
export function inheritedBy(fields: readonly Field[]): Inherited {
  const parts = (group(fields, false).get('') ?? []).filter((part) => part.field.text !== '');
  const registry = parts.find((part) => part.role === 'registry');
  const tag = parts.find((part) => part.role === 'tag');
  const own = parts.some((part) => part.role === 'repository' || part.role === 'image');
  return registry === undefined || tag === undefined || own ? [] : [registry, tag];
}

function group(fields: readonly Field[], underImage: boolean): Groups {
  const groups = new Map<string, Part[]>();
  for (const field of fields) {
    const part = partOf(field.key, underImage);
    if (part === undefined) continue;
    groups.set(part.stem, [...(groups.get(part.stem) ?? []), { role: part.role, field }]);
  }
  return groups;
}

/**
 * Returns the parts with a common stem in the order in which they are written; undefined if there is nothing to join.
 */
function partsOf(stem: string, groups: Groups, underImage: boolean, inherited: Inherited): readonly Part[] | undefined {
  const all = groups.get(stem) ?? [];
  const get = (role: Role): Part | undefined => all.find((part) => part.role === role && part.field.text !== '');
  const repository = get('repository');
  const registry = get('registry');
  const name = get('image') ?? (registry === undefined ? repository : (repository ?? get('name')));
  if (name === undefined || isComplete(name.field.text)) return undefined;
  const above = !name.field.text.includes('/') && repository === undefined && registry === undefined ? inherited : [];
  const sureOfVersion = underImage || hasHost(name.field.text) || registry !== undefined || saysImage(name, repository);
  const tag = get('tag') ?? (sureOfVersion ? get('version') : undefined) ?? above[1] ?? borrowedTag(stem, name, groups);
  const digest = get('digest');
  const prefix = [registry ?? above[0], name === repository ? undefined : repository].filter(
    (part) => part !== undefined,
  );
  const expected = all.some((part) => part.field.text === '' && part.role !== 'registry' && part.role !== 'digest');
  if (prefix.length === 0 && tag === undefined && digest === undefined && !expected) return undefined;
  const named = hasHost(name.field.text) ? [name] : [...joinable(prefix), name];
  return [...named, tag, digest].filter((part) => part !== undefined);
}

/** A version is a tag only next to a definite image: many resources have a version of their own. */
function saysImage(name: Part, repository: Part | undefined): boolean {
  return wordsOf(name.field.key).includes('image') || hasHost(repository?.field.text ?? '');
}

/** Finds the tag of `FOO_DATABASE_IMAGE` in `DATABASE_VERSION`: the stem may be shorter than that of the image. */
function borrowedTag(stem: string, name: Part, groups: Groups): Part | undefined {
  if (!hasHost(name.field.text)) return undefined;
  const words = stem.split(' ');
  for (let i = 1; i < words.length; i++) {
    const others = groups.get(words.slice(i).join(' ')) ?? [];
    const tag = others.find(({ role, field }) => (role === 'tag' || role === 'version') && field.text !== '');
    if (tag !== undefined) return tag;
  }
  return undefined;
}

/** A registry is ignored if the repository already contains a host. */
function joinable(prefix: readonly Part[]): readonly Part[] {
  const last = prefix.at(-1);
  return prefix.length === 2 && last !== undefined && hasHost(last.field.text) ? [last] : prefix;
}

function compose(parts: readonly Part[]): Split | undefined {
  const isName = ({ role }: Part): boolean => role !== 'tag' && role !== 'version' && role !== 'digest';
  const named = parts.filter(isName);
  const name = named.at(-1);
  const written = named.map((part) => withoutEnds(part.field.text, '/')).join('/');
  const tag = parts.find(({ role }) => role === 'tag' || role === 'version')?.field.text ?? '';
  const digest = parts.find(({ role }) => role === 'digest')?.field.text ?? '';
  if (name === undefined || (tag === '' && digest === '' && !hasTag(written))) return undefined;
  return { written: pin(withTag(written, tag), digest), parts: parts.map(toSplitPart), spot: name.field.spot };
}

function withTag(name: string, tag: string): string {
  return tag === '' || hasTag(name) ? name : `${name}${tag.startsWith('sha256:') ? '@' : ':'}${tag}`;
}

function pin(name: string, digest: string): string {
  if (digest === '' || name.includes('@')) return name;
  return `${name}@${/^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : digest}`;
}

function toSplitPart({ role, field }: Part): SplitPart {
  const named = role === 'version' ? 'tag' : role === 'name' ? 'image' : role;
  return { role: named, path: innermost(field.spot), text: field.text };
}

/** A complete reference needs no other parts. */
function isComplete(text: string): boolean {
  return text.includes('@') || (hasTag(text) && (hasHost(text) || text.includes('/')));
}

function hasTag(text: string): boolean {
  return text.includes('@') || text.lastIndexOf(':') > text.lastIndexOf('/');
}

function hasHost(text: string): boolean {
  const slash = text.indexOf('/');
  return slash > 0 && /[.:]/.test(text.slice(0, slash));
}
