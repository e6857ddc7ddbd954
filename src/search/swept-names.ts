import type { RenderedDocument } from '../helm/documents.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { NotKnown } from '../inventory/state.ts';
import { parseReference, type Reference } from '../oci/reference.ts';
import { RegistryHosts } from '../sweep/hosts.ts';
import type { SearchedNames } from '../sweep/names.ts';
import { type SweptName, sweep } from '../sweep/sweep.ts';

/** Returns the names for a sweep: of well-known registries, and of the images found. */
export function namesToSweep(
  references: readonly Pick<LocatedReference, 'reference'>[],
  isPrivate: (name: string) => boolean = () => false,
): SearchedNames {
  const parsed = references.map(({ reference }) => parseReference(reference));
  return {
    hosts: new RegistryHosts(parsed.map(({ registry }) => registry)),
    shortNames: [...new Set(parsed.flatMap(shortName))],
    isPrivate,
  };
}

/** Returns the name of an image as it is written without the default registry; none for other registries. */
function shortName({ registry, path, tag }: Reference): string[] {
  if (registry !== 'docker.io') return [];
  const name = path.replace(/^library\//, '');
  if (name.includes('/')) return [name];
  return tag === undefined ? [] : [`${name}:${tag}`];
}

/** Returns the public names that no reference explains, and nothing about where they stand. */
export function uncoveredNames(
  documents: readonly RenderedDocument[],
  names: SearchedNames,
  references: readonly LocatedReference[],
): SweptName[] {
  return sweep(documents, names).filter(
    (swept) => swept.explained === undefined && !references.some((reference) => covers(reference, swept)),
  );
}

/** Returns the public names that look like images or registries, and that no reference explains. */
export function unexplainedNames(
  documents: readonly RenderedDocument[],
  references: readonly LocatedReference[],
  context: { readonly chart: string; readonly profile: string },
): NotKnown[] {
  return uncoveredNames(documents, namesToSweep(references), references).map(
    ({ text: name, shape, template, path, within }) => ({
      ...{ state: 'not-known', what: 'name', name, ...context, template },
      path: within === undefined ? path : `${path} (${within})`,
      why: WHY[shape],
      settle: 'add what is pulled by that name with --image',
    }),
  );
}

const WHY: Readonly<Record<SweptName['shape'], string>> = {
  image: 'it looks like an image, and nothing shows that it is one',
  prefix: 'it looks like the beginning of an image, which a program completes',
  bare: 'it names a registry, and nothing shows that images are pulled by that name',
};

/** Reports whether a reference is at the place of a name, whole or as a part. */
export function covers({ template, document, path, written, parts = [] }: LocatedReference, swept: SweptName): boolean {
  if (template !== swept.template || document !== swept.document || path !== swept.path) return false;
  return isPartOf(written, swept.text) || parts.some((part) => part.text.includes(swept.text));
}

/** Reports whether one of two names is a part of the other. */
export function isPartOf(one: string, other: string): boolean {
  return one.includes(other) || other.includes(one);
}
