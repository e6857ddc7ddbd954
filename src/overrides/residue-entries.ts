import { before, withoutEnds } from '../base/text-ends.ts';
import { nameOf } from '../influence/slots.ts';
import type { SplitPart } from '../lock/finding.ts';
import { isUnderTarget, type Target, targetReference } from '../oci/naming.ts';
import { formatRepository, parseReference } from '../oci/reference.ts';
import type { PostRenderEntry } from './post-render-map.ts';
import { pathOf, type ReferencePlace, type Residue } from './proof.ts';

/**
 * What a post-renderer has to do about residue: one entry a place, for a split one each of its fields that change. There
 * are none for what stands in no manifest, since an operator chooses it.
 * @param places of the renders that the residue was found in, before and with the overrides
 */
export function entriesFor(
  residue: readonly Residue[],
  places: readonly ReferencePlace[],
  target: Target,
): PostRenderEntry[] {
  return residue.flatMap(({ template, path, reference, written }): PostRenderEntry[] => {
    const name = privateName(reference, target);
    // Found in a text of the template, and at no place of an object.
    if (path === '') return [{ template, from: written, to: renamed(written, name) }];
    const here = places.filter(
      (place) => place.template === template && place.written === written && pathOf(place) === path,
    );
    return here.flatMap((place) => entriesAt(place, name));
  });
}

/** What a reference is called at the target. */
interface PrivateName {
  readonly repository: string;
  /** Where it is not the one that is written. */
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
    // The fields of a split inside a text are fields of that text.
    const at = place.within === undefined ? { path } : { path: place.path, within: path };
    return { ...common, ...at, from, to };
  });
}

function privateName(reference: string, target: Target): PrivateName {
  const parsed = parseReference(reference);
  const { tag, ...repository } = isUnderTarget(target, parsed) ? parsed : targetReference(target, parsed);
  return { repository: formatRepository(repository), ...(tag === undefined || tag === parsed.tag ? {} : { tag }) };
}

/** Tag and digest stay as they are written unless the tag is another, and so does what some tools write before a reference. */
function renamed(written: string, { repository, tag }: PrivateName): string {
  const scheme = /^docker:\/\//.exec(written)?.[0] ?? '';
  const bare = written.slice(scheme.length);
  const rest = bare.slice(nameOf(bare).length);
  return scheme + repository + (tag === undefined ? rest : `:${tag}${rest.slice(before(rest, '@').length)}`);
}

/**
 * A reference with registry, path or tag is meant wherever its text has it, whatever lines come before; a single word
 * only in its line.
 */
function meant(within: string | undefined, written: string): string | undefined {
  const steps = within?.split(' > ') ?? [];
  const last = steps.at(-1) ?? '';
  const line = /^line \d+/.exec(last)?.[0];
  if (line === undefined && !/^word \d+$/.test(last)) return within;
  const kept = line === undefined || /[/:@]/.test(written) ? [] : [line];
  return [...steps.slice(0, -1), ...kept].join(' > ') || undefined;
}

/** A field of a split with another text. */
interface FieldEdit {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** New texts for the fields of a split that change; none when they cannot say the name. */
function splitNames(parts: readonly SplitPart[], { repository, tag }: PrivateName): FieldEdit[] {
  const names = repositoryFields(parts, repository);
  const own = parts.find(({ role }) => role === 'tag');
  if (tag === undefined || names.length === 0) return names;
  if (own === undefined) return [];
  const edits = [...names, { path: own.path, from: own.text, to: tag }];
  return edits.filter(({ from, to }) => from !== to);
}

/** Of the fields that name registry and repository the first gets the front, and the rest stay if they can. */
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
  // Docker Hub's own images are pushed under the name that they have there; a registry may be other images' too.
  const official = rest.length === 1 ? fronts(`library/${tail}`) : undefined;
  if (official !== undefined) return both(official, `library/${tail}`);
  const front = fronts(tail);
  if (front !== undefined) return [{ path: first.path, from: first.text, to: front }];
  if (rest.length > 1 || first.role !== 'registry') return [];
  const slash = repository.indexOf('/');
  return both(slashed(repository.slice(0, slash)), repository.slice(slash + 1));
}
