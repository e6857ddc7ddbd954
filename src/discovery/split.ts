import { type FieldPath, innermostPath } from '../base/field-path.ts';
import { trimBothEnds } from '../base/text-trim.ts';
import type { SplitPart } from '../inventory/finding.ts';
import { isSourceHost } from './candidate.ts';
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

/** Parts that apply to the images below a mapping, or beside a variable (`hub` and `tag`, `base`, `CONTAINER_REGISTRY`). */
export interface InheritedParts {
  /** A registry, or one with the beginning of a path. */
  readonly prefix?: FieldPart;
  readonly tag?: FieldPart;
}

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

/** Words that a name of a registry for all images of a program has besides `registry`. */
const GENERAL =
  /^(?:|(?:container|docker|oci|image|default|global|private|public|base|main|common)(?: (?:container|image|default))?)$/;

/**
 * Returns the parts that apply to the images below: a prefix that looks like a registry and is not part of a reference of its own, and a
 * tag.
 */
export function ownParts(fields: readonly Field[]): InheritedParts {
  const groups = groupByStem(fields, false);
  const prefixes = [...groups].flatMap(([stem, parts]) => {
    // What has a name beside it belongs to that, and only the registry itself is for the others too.
    const isAlone = parts.every(({ role, field }) => isPrefixRole(role) || field.text === '' || role === 'version');
    return parts.filter(
      ({ role, field }) =>
        isPrefixRole(role) && GENERAL.test(stem) && isRegistry(field.text) && (role === 'registry' || isAlone),
    );
  });
  const tag = groups.get('')?.find(({ role, field }) => (role === 'tag' || role === 'version') && field.text !== '');
  return { ...(prefixes[0] && { prefix: prefixes[0] }), ...(tag && { tag }) };
}

function isPrefixRole(role: SplitRole): boolean {
  return role === 'registry' || role === 'prefix' || role === 'repository';
}

/** Reports whether a text is a registry, or one with the beginning of a path: with a host as only registries have one. */
function isRegistry(text: string): boolean {
  return (
    /^(?:[a-z0-9][\w-]*(?:\.[\w-]+)+(?::\d+)?|localhost(?::\d+)?|[a-z0-9][\w-]*:\d+)(?:\/[\w.-]+)*\/?$/i.test(text) &&
    !isSourceHost(text)
  );
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
  const registry = partWithRole('registry') ?? registryPrefix(partWithRole('prefix'));
  // A name alone may be of anything; with a registry, or with a tag below one, it is of an image.
  const hasRegistry = registry !== undefined || (inherited.prefix !== undefined && partWithRole('tag') !== undefined);
  const name = partWithRole('image') ?? repository ?? (hasRegistry ? partWithRole('name') : undefined);
  if (name === undefined || isComplete(name.field.text)) return undefined;
  const prefix = registry ?? inheritedPrefix(inherited.prefix, name, repository);
  const isInherited = prefix !== undefined && prefix !== registry;
  const isVersionTag = underImage || hasHost(name.field.text) || prefix !== undefined || namesImage(name, repository);
  const tag =
    partWithRole('tag') ??
    (isVersionTag ? partWithRole('version') : undefined) ??
    tagOfShorterStem(stem, name, groups) ??
    (namesImage(name, repository) || hasHost(name.field.text) ? tagOfOtherStem(groups) : undefined) ??
    (isInherited ? inherited.tag : undefined);
  const digest = partWithRole('digest');
  const prefixes = [prefix, name === repository ? undefined : repository].filter((part) => part !== undefined);
  const hasEmptyPart = stemParts.some(
    (part) => part.field.text === '' && part.role !== 'registry' && part.role !== 'digest',
  );
  if (prefixes.length === 0 && tag === undefined && digest === undefined && !hasEmptyPart) return undefined;
  const nameParts = hasHost(name.field.text) ? [name] : [...effectivePrefix(prefixes), name];
  return [...nameParts, tag, digest].filter((part) => part !== undefined);
}

/** A prefix is one only if its text is a registry: the word means other things elsewhere. */
function registryPrefix(part: FieldPart | undefined): FieldPart | undefined {
  return part !== undefined && isRegistry(part.field.text) ? part : undefined;
}

/** Returns the prefix from above or beside, if the name has room for it: a name with a path takes only a registry. */
function inheritedPrefix(
  prefix: FieldPart | undefined,
  name: FieldPart,
  repository: FieldPart | undefined,
): FieldPart | undefined {
  if (prefix === undefined || prefix.field === name.field || hasHost(repository?.field.text ?? name.field.text))
    return undefined;
  const hasPath = name.field.text.includes('/') || (repository !== undefined && repository !== name);
  return hasPath && prefix.field.text.includes('/') ? undefined : prefix;
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

/**
 * Finds the tag of an `image` beside `defaultImageVersion`: a part with other words that says that it is for an image, and has no name of its
 * own.
 */
function tagOfOtherStem(groups: Groups): FieldPart | undefined {
  const tags = [...groups.values()].flatMap((parts) => {
    const hasName = parts.some(({ role, field }) => (role === 'image' || role === 'repository') && field.text !== '');
    return hasName ? [] : parts.filter(({ role, field }) => isImageTag(role, field) && field.text !== '');
  });
  return tags.length === 1 ? tags[0] : undefined;
}

function isImageTag(role: SplitRole, { key }: Field): boolean {
  return (role === 'tag' || role === 'version') && wordsOf(key).includes('image');
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
  const { fieldPath } = name.field;
  return {
    written: withDigest(withTag(written, tag), digest),
    parts: parts.map((part) => toSplitPart(part, fieldPath)),
    fieldPath,
  };
}

/** Returns the text that has a field: the object itself, or a text within one of its fields. */
function textOf({ path, within }: FieldPath): string {
  if (within === undefined) return '';
  const last = within.lastIndexOf(' > ') + 1;
  return `${path}\n${within.slice(0, last)}${/^[^:]*:?/.exec(within.slice(last))?.[0] ?? ''}`;
}

function withTag(name: string, tag: string): string {
  return tag === '' || hasTag(name) ? name : `${name}${tag.startsWith('sha256:') ? '@' : ':'}${tag}`;
}

function withDigest(name: string, digest: string): string {
  if (digest === '' || name.includes('@')) return name;
  return `${name}@${/^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : digest}`;
}

const PART_ROLES: Readonly<Partial<Record<SplitRole, SplitPart['role']>>> = {
  version: 'tag',
  name: 'image',
  prefix: 'registry',
};

function toSplitPart({ role, field: { text, fieldPath } }: FieldPart, name: FieldPath): SplitPart {
  const partRole = PART_ROLES[role] ?? (role as SplitPart['role']);
  const isElsewhere = textOf(fieldPath) !== textOf(name);
  return { role: partRole, path: innermostPath(fieldPath), ...(isElsewhere && { at: fieldPath }), text };
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
