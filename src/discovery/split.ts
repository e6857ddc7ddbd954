import { type FieldPath, innermostPath } from '../base/field-path.ts';
import { trimBothEnds } from '../base/text-trim.ts';
import type { SplitPart } from '../inventory/finding.ts';
import { type SplitRole, splitRoleOf, wordsOf } from './key-evidence.ts';

/** A named scalar: field of a mapping, environment variable, flag, or assignment in a text. */
export interface Field {
  readonly key: string;
  readonly text: string;
  readonly fieldPath: FieldPath;
}

/** A reference that is split over several fields. */
export interface SplitReference {
  /** The joined reference, as the consumer of the fields would join them. */
  readonly written: string;
  readonly parts: readonly SplitPart[];
  /** Path of the part that names the repository. */
  readonly fieldPath: FieldPath;
}

interface FieldPart {
  readonly role: SplitRole;
  readonly field: Field;
}

/** Registry and tag that a mapping sets for every bare image below it (`hub` and `tag`). */
export type InheritedParts = readonly FieldPart[];

type Groups = ReadonlyMap<string, readonly FieldPart[]>;

/**
 * Finds references that are split over sibling fields, in the forms repository+tag, registry+repository+tag,
 * repository+image+version, image+tag, each with or without a common prefix (`proxyImage`, `proxyVersion`). `used` also
 * contains the fields of an incomplete reference: an `image` that lacks its tag is no reference by itself.
 */
export function findSplits(
  fields: readonly Field[],
  underImage: boolean,
  inherited: InheritedParts,
): { readonly splits: readonly SplitReference[]; readonly used: ReadonlySet<Field> } {
  const groups = groupByStem(fields, underImage);
  const splits: SplitReference[] = [];
  const used = new Set<Field>();
  for (const stem of groups.keys()) {
    const parts = partsWithStem(stem, groups, underImage, inherited);
    if (parts === undefined) continue;
    for (const part of parts) used.add(part.field);
    const split = joinParts(parts);
    if (split !== undefined) splits.push(split);
  }
  return { splits, used };
}

/** Returns the registry and tag that apply to the mappings below: those without an image next to them. */
export function ownRegistryAndTag(fields: readonly Field[]): InheritedParts {
  const parts = (groupByStem(fields, false).get('') ?? []).filter((part) => part.field.text !== '');
  const registry = parts.find((part) => part.role === 'registry');
  const tag = parts.find((part) => part.role === 'tag');
  const hasImage = parts.some((part) => part.role === 'repository' || part.role === 'image');
  return registry === undefined || tag === undefined || hasImage ? [] : [registry, tag];
}

function groupByStem(fields: readonly Field[], underImage: boolean): Groups {
  const groups = new Map<string, FieldPart[]>();
  for (const field of fields) {
    const part = splitRoleOf(field.key, underImage);
    if (part === undefined) continue;
    groups.set(part.stem, [...(groups.get(part.stem) ?? []), { role: part.role, field }]);
  }
  return groups;
}

/**
 * Returns the parts with a common stem in the order in which they are written; undefined if there is nothing to join.
 */
function partsWithStem(
  stem: string,
  groups: Groups,
  underImage: boolean,
  inherited: InheritedParts,
): readonly FieldPart[] | undefined {
  const stemParts = groups.get(stem) ?? [];
  const partWithRole = (role: SplitRole): FieldPart | undefined =>
    stemParts.find((part) => part.role === role && part.field.text !== '');
  const repository = partWithRole('repository');
  const registry = partWithRole('registry');
  const name = partWithRole('image') ?? (registry === undefined ? repository : (repository ?? partWithRole('name')));
  if (name === undefined || isComplete(name.field.text)) return undefined;
  const inheritable =
    !name.field.text.includes('/') && repository === undefined && registry === undefined ? inherited : [];
  const isVersionTag = underImage || hasHost(name.field.text) || registry !== undefined || namesImage(name, repository);
  const tag =
    partWithRole('tag') ??
    (isVersionTag ? partWithRole('version') : undefined) ??
    inheritable[1] ??
    tagOfShorterStem(stem, name, groups);
  const digest = partWithRole('digest');
  const prefix = [registry ?? inheritable[0], name === repository ? undefined : repository].filter(
    (part) => part !== undefined,
  );
  const hasEmptyPart = stemParts.some(
    (part) => part.field.text === '' && part.role !== 'registry' && part.role !== 'digest',
  );
  if (prefix.length === 0 && tag === undefined && digest === undefined && !hasEmptyPart) return undefined;
  const nameParts = hasHost(name.field.text) ? [name] : [...effectivePrefix(prefix), name];
  return [...nameParts, tag, digest].filter((part) => part !== undefined);
}

/** A version is a tag only next to a definite image: many resources have a version of their own. */
function namesImage(name: FieldPart, repository: FieldPart | undefined): boolean {
  return wordsOf(name.field.key).includes('image') || hasHost(repository?.field.text ?? '');
}

/** Finds the tag of `FOO_DATABASE_IMAGE` in `DATABASE_VERSION`: the stem may be shorter than that of the image. */
function tagOfShorterStem(stem: string, name: FieldPart, groups: Groups): FieldPart | undefined {
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
function effectivePrefix(prefix: readonly FieldPart[]): readonly FieldPart[] {
  const last = prefix.at(-1);
  return prefix.length === 2 && last !== undefined && hasHost(last.field.text) ? [last] : prefix;
}

function joinParts(parts: readonly FieldPart[]): SplitReference | undefined {
  const isNamePart = ({ role }: FieldPart): boolean => role !== 'tag' && role !== 'version' && role !== 'digest';
  const nameParts = parts.filter(isNamePart);
  const name = nameParts.at(-1);
  const written = nameParts.map((part) => trimBothEnds(part.field.text, '/')).join('/');
  const tag = parts.find(({ role }) => role === 'tag' || role === 'version')?.field.text ?? '';
  const digest = parts.find(({ role }) => role === 'digest')?.field.text ?? '';
  if (name === undefined || (tag === '' && digest === '' && !hasTag(written))) return undefined;
  return {
    written: withDigest(withTag(written, tag), digest),
    parts: parts.map(toSplitPart),
    fieldPath: name.field.fieldPath,
  };
}

function withTag(name: string, tag: string): string {
  return tag === '' || hasTag(name) ? name : `${name}${tag.startsWith('sha256:') ? '@' : ':'}${tag}`;
}

function withDigest(name: string, digest: string): string {
  if (digest === '' || name.includes('@')) return name;
  return `${name}@${/^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : digest}`;
}

function toSplitPart({ role, field }: FieldPart): SplitPart {
  const partRole = role === 'version' ? 'tag' : role === 'name' ? 'image' : role;
  return { role: partRole, path: innermostPath(field.fieldPath), text: field.text };
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
