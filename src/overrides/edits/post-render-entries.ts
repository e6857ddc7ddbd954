import { textBefore, trimBothEnds } from '../../base/text-trim.ts';
import type { SplitPart } from '../../inventory/finding.ts';
import { isUnderTarget, type Target, targetReference } from '../../naming/naming.ts';
import { targetPrefix } from '../../naming/path-prefix.ts';
import { formatRepository, parseReference, schemeOf } from '../../oci/reference.ts';
import { withoutTagAndDigest } from '../../value-tracing/name-segments.ts';
import { locationPath, type ReferenceLocation, type UnmappedReference } from '../proof/proof.ts';
import type { SweptLocation } from '../proof/swept.ts';
import type { PostRenderEntry } from './post-render-map.ts';

/**
 * Returns the post-renderer's entries for unmapped references: one per location, and for a split reference one per
 * changed field. Images that an operator chooses are in no manifest and get no entry.
 * @param locations locations in the renders with and without the overrides
 */
export function postRenderEntries(
  unmapped: readonly UnmappedReference[],
  locations: readonly (ReferenceLocation | SweptLocation)[],
  target: Target,
): PostRenderEntry[] {
  return unmapped.flatMap(({ template, path, reference, written }): PostRenderEntry[] => {
    const matching = locations.filter(
      (location) => location.template === template && location.written === written && locationPath(location) === path,
    );
    return matching.flatMap((location) =>
      'isPrefix' in location
        ? prefixEntries(location, target)
        : entriesAtLocation(location, privateName(reference, target)),
    );
  });
}

/** Name of a reference at the target. */
interface PrivateName {
  readonly repository: string;
  /** Tag at the target, if it differs from the original. */
  readonly tag?: string;
}

function entriesAtLocation(location: ReferenceLocation, name: PrivateName): PostRenderEntry[] {
  const { template, kind, written } = location;
  const shared = { template, kind, hook: location.hook === undefined ? undefined : (true as const) };
  if (location.parts === undefined) {
    const within = withinPath(location.within, written);
    return [{ ...shared, path: location.path, within, from: written, to: renamed(written, name) }];
  }
  return splitEdits(location.parts, name).map(({ part: { path, at }, from, to }) => {
    // If the split is inside a text, its fields are paths within that text.
    const field = at ?? (location.within === undefined ? { path } : { path: location.path, within: path });
    return { ...shared, ...field, from, to };
  });
}

/** Returns the entry for the beginning of a reference; none if the naming has no name for it. */
function prefixEntries(
  { template, kind, path, within, written, hook }: SweptLocation,
  target: Target,
): PostRenderEntry[] {
  const to = targetPrefix(target, written);
  if (to === undefined) return [];
  return [
    { ...{ template, kind, path, within, from: written, to }, ...(hook !== undefined && { hook: true as const }) },
  ];
}

function privateName(reference: string, target: Target): PrivateName {
  const parsed = parseReference(reference);
  const { tag, ...repository } = isUnderTarget(target, parsed) ? parsed : targetReference(target, parsed);
  return { repository: formatRepository(repository), tag: tag === parsed.tag ? undefined : tag };
}

/** Returns the text with the new name. The tag is replaced only if it changes; digest and scheme are kept. */
function renamed(written: string, { repository, tag }: PrivateName): string {
  const scheme = schemeOf(written);
  const reference = written.slice(scheme.length);
  const tagAndDigest = reference.slice(withoutTagAndDigest(reference).length);
  return (
    scheme +
    repository +
    (tag === undefined ? tagAndDigest : `:${tag}${tagAndDigest.slice(textBefore(tagAndDigest, '@').length)}`)
  );
}

/**
 * Returns the steps within a field that the entry keeps. A reference with registry, path or tag is unambiguous, so its
 * line number is dropped; a single word applies to its line only.
 */
function withinPath(within: string | undefined, written: string): string | undefined {
  const steps = within?.split(' > ') ?? [];
  const last = steps.at(-1) ?? '';
  const line = /^line \d+/.exec(last)?.[0];
  if (line === undefined && !/^word \d+$/.test(last)) return within;
  const kept = line === undefined || /[/:@]/.test(written) ? [] : [line];
  return [...steps.slice(0, -1), ...kept].join(' > ') || undefined;
}

/** Field of a split reference with its new text. */
interface FieldEdit {
  readonly part: SplitPart;
  readonly from: string;
  readonly to: string;
}

/** Returns the fields of a split reference that change; none if the fields cannot express the name. */
function splitEdits(parts: readonly SplitPart[], { repository, tag }: PrivateName): FieldEdit[] {
  const names = repositoryEdits(parts, repository);
  const tagPart = parts.find(({ role }) => role === 'tag');
  if (tag === undefined || names.length === 0) return names;
  if (tagPart === undefined) return [];
  const edits = [...names, { part: tagPart, from: tagPart.text, to: tag }];
  return edits.filter(({ from, to }) => from !== to);
}

/** Puts the new prefix into the first field of registry and repository, and keeps the others if possible. */
function repositoryEdits(parts: readonly SplitPart[], name: string): FieldEdit[] {
  const [first, ...others] = parts.filter(({ role }) => role !== 'tag' && role !== 'digest');
  if (first === undefined) return [];
  const repository = schemeOf(first.text) + name;
  const slashed = (text: string): string => (first.text.endsWith('/') ? `${text}/` : text);
  const otherComponents = others.map(({ text }) => trimBothEnds(text, '/')).join('/');
  const prefixBefore = (end: string): string | undefined =>
    repository.endsWith(`/${end}`) ? slashed(repository.slice(0, -end.length - 1)) : undefined;
  const [second] = others;
  if (second === undefined) return [{ part: first, from: first.text, to: repository }];
  const editBoth = (prefix: string, name: string): FieldEdit[] => [
    { part: first, from: first.text, to: prefix },
    { part: second, from: second.text, to: second.text.replace(otherComponents, name) },
  ];
  // Docker official images get `library/` in the repository, because other images may share the registry field.
  const official = others.length === 1 ? prefixBefore(`library/${otherComponents}`) : undefined;
  if (official !== undefined) return editBoth(official, `library/${otherComponents}`);
  const prefix = prefixBefore(otherComponents);
  if (prefix !== undefined) return [{ part: first, from: first.text, to: prefix }];
  if (others.length > 1 || first.role !== 'registry') return [];
  const slash = repository.indexOf('/');
  return editBoth(slashed(repository.slice(0, slash)), repository.slice(slash + 1));
}
