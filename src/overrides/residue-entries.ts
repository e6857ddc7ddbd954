import { before, withoutEnds } from '../base/text-ends.ts';
import { nameOf } from '../influence/slots.ts';
import type { SplitPart } from '../lock/finding.ts';
import { isUnderTarget, type Target, targetReference } from '../oci/naming.ts';
import { formatRepository, parseReference } from '../oci/reference.ts';
import type { PostRenderEntry } from './post-render-map.ts';
import { pathOf, type ReferencePlace, type Residue } from './proof.ts';

/**
 * Returns the post-renderer's entries for unmapped references: one per location, and for a split reference one per
 * changed field. Images that an operator chooses are in no manifest and get no entry.
 * @param locations locations in the renders with and without the overrides
 */
export function entriesFor(
  residue: readonly Residue[],
  places: readonly ReferencePlace[],
  target: Target,
): PostRenderEntry[] {
  return residue.flatMap(({ template, path, reference, written }): PostRenderEntry[] => {
    const name = privateName(reference, target);
    // Found in the template's text, but not in a field of an object.
    if (path === '') return [{ template, from: written, to: renamed(written, name) }];
    const here = places.filter(
      (place) => place.template === template && place.written === written && pathOf(place) === path,
    );
    return here.flatMap((place) => entriesAt(place, name));
  });
}

/** Name of a reference at the target. */
interface PrivateName {
  readonly repository: string;
  /** Tag at the target, if it differs from the original. */
  readonly tag?: string;
}

function entriesAt(place: ReferencePlace, name: PrivateName): PostRenderEntry[] {
  const { template, kind, written } = place;
  const common = { template, kind, ...(place.hook === undefined ? {} : { hook: true as const }) };
  if (place.parts === undefined) {
    const within = meant(place.within, written);
    const at = { path: place.path, ...(within === undefined ? {} : { within }) };
    return [{ ...common, ...at, from: written, to: renamed(written, name) }];
  }
  return splitNames(place.parts, name).map(({ path, from, to }) => {
    // If the split is inside a text, its fields are paths within that text.
    const at = place.within === undefined ? { path } : { path: place.path, within: path };
    return { ...common, ...at, from, to };
  });
}

function privateName(reference: string, target: Target): PrivateName {
  const parsed = parseReference(reference);
  const { tag, ...repository } = isUnderTarget(target, parsed) ? parsed : targetReference(target, parsed);
  return { repository: formatRepository(repository), ...(tag === undefined || tag === parsed.tag ? {} : { tag }) };
}

/**
 * Returns the text with the new name. The tag is replaced only if it changes; digest and `docker://` prefix are kept.
 */
function renamed(written: string, { repository, tag }: PrivateName): string {
  const scheme = /^docker:\/\//.exec(written)?.[0] ?? '';
  const bare = written.slice(scheme.length);
  const rest = bare.slice(nameOf(bare).length);
  return scheme + repository + (tag === undefined ? rest : `:${tag}${rest.slice(before(rest, '@').length)}`);
}

/**
 * Returns the steps within a field that the entry keeps. A reference with registry, path or tag is unambiguous, so its
 * line number is dropped; a single word applies to its line only.
 */
function meant(within: string | undefined, written: string): string | undefined {
  const steps = within?.split(' > ') ?? [];
  const last = steps.at(-1) ?? '';
  const line = /^line \d+/.exec(last)?.[0];
  if (line === undefined && !/^word \d+$/.test(last)) return within;
  const kept = line === undefined || /[/:@]/.test(written) ? [] : [line];
  return [...steps.slice(0, -1), ...kept].join(' > ') || undefined;
}

/** Field of a split reference with its new text. */
interface FieldEdit {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** Returns the fields of a split reference that change; none if the fields cannot express the name. */
function splitNames(parts: readonly SplitPart[], { repository, tag }: PrivateName): FieldEdit[] {
  const names = repositoryFields(parts, repository);
  const own = parts.find(({ role }) => role === 'tag');
  if (tag === undefined || names.length === 0) return names;
  if (own === undefined) return [];
  const edits = [...names, { path: own.path, from: own.text, to: tag }];
  return edits.filter(({ from, to }) => from !== to);
}

/** Puts the new prefix into the first field of registry and repository, and keeps the others if possible. */
function repositoryFields(parts: readonly SplitPart[], repository: string): FieldEdit[] {
  const [first, ...rest] = parts.filter(({ role }) => role !== 'tag' && role !== 'digest');
  if (first === undefined) return [];
  const slashed = (text: string): string => (first.text.endsWith('/') ? `${text}/` : text);
  const tail = rest.map(({ text }) => withoutEnds(text, '/')).join('/');
  const fronts = (end: string): string | undefined =>
    repository.endsWith(`/${end}`) ? slashed(repository.slice(0, -end.length - 1)) : undefined;
  const [only] = rest;
  if (only === undefined) return [{ path: first.path, from: first.text, to: repository }];
  const both = (front: string, name: string): FieldEdit[] => [
    { path: first.path, from: first.text, to: front },
    { path: only.path, from: only.text, to: only.text.replace(tail, name) },
  ];
  // Docker official images get `library/` in the repository, because other images may share the registry field.
  const official = rest.length === 1 ? fronts(`library/${tail}`) : undefined;
  if (official !== undefined) return both(official, `library/${tail}`);
  const front = fronts(tail);
  if (front !== undefined) return [{ path: first.path, from: first.text, to: front }];
  if (rest.length > 1 || first.role !== 'registry') return [];
  const slash = repository.indexOf('/');
  return both(slashed(repository.slice(0, slash)), repository.slice(slash + 1));
}
