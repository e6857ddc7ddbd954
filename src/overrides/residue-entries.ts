import { nameOf } from '../influence/slots.ts';
import type { SplitPart } from '../lock/finding.ts';
import { isUnderTarget, type Target, targetRepository } from '../oci/naming.ts';
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
    const repository = privateRepository(reference, target);
    // Found in a text of the template, and at no place of an object.
    if (path === '') return [{ template, from: written, to: renamed(written, repository) }];
    const here = places.filter(
      (place) => place.template === template && place.written === written && pathOf(place) === path,
    );
    return here.flatMap((place) => entriesAt(place, repository));
  });
}

function entriesAt(place: ReferencePlace, repository: string): PostRenderEntry[] {
  const { template, kind, written } = place;
  const common = { template, kind, ...(place.hook === undefined ? {} : { hook: true as const }) };
  if (place.parts === undefined) {
    const within = meant(place.within, written);
    const at = { path: place.path, ...(within === undefined ? {} : { within }) };
    return [{ ...common, ...at, from: written, to: renamed(written, repository) }];
  }
  return splitNames(place.parts, repository).map(({ path, from, to }) => {
    // The fields of a split inside a text are fields of that text.
    const at = place.within === undefined ? { path } : { path: place.path, within: path };
    return { ...common, ...at, from, to };
  });
}

function privateRepository(reference: string, target: Target): string {
  const parsed = parseReference(reference);
  return formatRepository(isUnderTarget(target, parsed) ? parsed : targetRepository(target, parsed));
}

/** Tag and digest stay as they are written, and so does what some tools write before a reference. */
function renamed(written: string, repository: string): string {
  const scheme = /^docker:\/\//.exec(written)?.[0] ?? '';
  return scheme + repository + written.slice(scheme.length + nameOf(written.slice(scheme.length)).length);
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

/** New texts for the fields that name registry and repository: the first gets the front, the rest stay if they can. */
function splitNames(
  parts: readonly SplitPart[],
  repository: string,
): { readonly path: string; readonly from: string; readonly to: string }[] {
  const [first, ...rest] = parts.filter(({ role }) => role !== 'tag' && role !== 'digest');
  if (first === undefined) return [];
  const slashed = (text: string): string => (first.text.endsWith('/') ? `${text}/` : text);
  const tail = rest.map(({ text }) => text.replace(/^\/+|\/+$/g, '')).join('/');
  const fronts = (end: string): string | undefined =>
    repository.endsWith(`/${end}`) ? slashed(repository.slice(0, -end.length - 1)) : undefined;
  const [only] = rest;
  if (only === undefined) return [{ path: first.path, from: first.text, to: repository }];
  // Docker Hub's own images are pushed under the name that they have there; a registry may be other images' too.
  const official = rest.length === 1 ? fronts(`library/${tail}`) : undefined;
  if (official !== undefined) {
    return [
      { path: first.path, from: first.text, to: official },
      { path: only.path, from: only.text, to: only.text.replace(tail, `library/${tail}`) },
    ];
  }
  const front = fronts(tail);
  return front === undefined ? [] : [{ path: first.path, from: first.text, to: front }];
}
