import { type KindField, parseFieldPath } from '../../base/field-path.ts';
import { compareText } from '../../base/text-order.ts';
import { textBefore } from '../../base/text-trim.ts';
import { yamlText } from '../../base/yaml-text.ts';
import type { Location } from '../../inventory/finding.ts';
import { isTagChanged, type Target, targetReference } from '../../naming/naming.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import type { ImageEntry } from './kustomization-file.ts';

/**
 * Fields that kustomize's image transformer changes in any object: images in lists of these names at any depth, and the
 * image volumes of Pods and of templates in `spec` (kustomize 5.7, api/filters/imagetag; older ones leave image volumes).
 */
const IMAGE_FIELD =
  /(?:^|\.)(?:containers|initContainers)\[\d+\]\.image$|^spec\.(?:template\.spec\.)?volumes\[\d+\]\.image\.reference$/;

/** Kind whose objects it leaves as they are, though they may have such fields. */
const UNCHANGED_KIND = 'CustomResourceDefinition';

/** A reference in a manifest, or in a list of images, which no kustomization needs to be asked about. */
export type ImagePlace = Pick<Location, 'template' | 'kind' | 'name' | 'path' | 'within' | 'written' | 'how'> & {
  readonly reference: string;
};

/** An entry that gives all images of one spelling their private names. */
export interface WantedEntry extends ImageEntry {
  /** The images, normalized. */
  readonly references: readonly string[];
}

/**
 * Returns the entries of `images` that give images their private names. Kustomize compares `name` with the text in the
 * manifest, so an image written in two ways gets two entries. For a name with several tags only the name changes, and
 * each keeps its tag.
 * @param fields further fields that kustomize is configured to change
 * @returns `left`: references that kustomize does not change, with their places
 */
export function kustomizeEntries(
  places: readonly ImagePlace[],
  target: Target,
  fields: readonly KindField[] = [],
): { readonly entries: readonly WantedEntry[]; readonly left: readonly string[] } {
  const changeable = places.filter((place) => changesImageAt(place, fields));
  const byName = [...Map.groupBy(changeable, ({ written }) => imageName(written))].sort(([a], [b]) =>
    compareText(a, b),
  );
  const images = byName.filter(([, group]) => fitsOneEntry(group, target));
  const unchangeable = places
    .filter((place) => !changeable.includes(place))
    .map((place) => `${place.reference}: kustomize does not change it (${positionOf(place)})`);
  const ambiguous = byName
    .filter((entry) => !images.includes(entry))
    .map(([name]) => `${name}: its tags need different entries, and kustomize allows one per name`);
  return {
    entries: images.map(([name, group]) => wantedEntry(name, group, target)),
    left: [...new Set([...unchangeable, ...ambiguous])].sort(compareText),
  };
}

/** Formats a kustomization with an `images` list. What kustomize does not change is in comments. */
export function formatKustomize(places: readonly ImagePlace[], target: Target, title: string): GeneratedFiles {
  const { entries, left } = kustomizeEntries(places, target);
  const images = entries.map(({ references: _, ...entry }) => entry);
  const document = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', images };
  const text = commentBlock([title, ...left]) + yamlText(document);
  return { files: [{ path: 'kustomization.yaml', text }], left };
}

/** Reports whether kustomize's image transformer changes what is at a place. */
export function changesImageAt(
  { path, kind, within, how }: Pick<ImagePlace, 'path' | 'kind' | 'within' | 'how'>,
  fields: readonly KindField[] = [],
): boolean {
  if (how === 'added') return true;
  if (within !== undefined || kind === UNCHANGED_KIND) return false;
  if (IMAGE_FIELD.test(path)) return true;
  const keys = parseFieldPath(path).filter((key) => typeof key === 'string');
  return fields.some(
    (field) =>
      (field.kind ?? kind) === kind &&
      keys.length === field.keys.length &&
      keys.every((key, i) => key === field.keys[i]),
  );
}

function positionOf({ template, kind, name, path }: ImagePlace): string {
  const object = template === '' ? [kind, name].filter(Boolean).join(' ') : template;
  return `${object} ${path}`.trim();
}

/** Reports whether one entry fits all references of a name: a single reference, or a naming that keeps tags. */
function fitsOneEntry(group: readonly { readonly reference: string }[], target: Target): boolean {
  const references = new Set(group.map(({ reference }) => reference));
  return (
    references.size === 1 || [...references].every((reference) => !isTagChanged(target, parseReference(reference)))
  );
}

function wantedEntry(name: string, group: readonly { readonly reference: string }[], target: Target): WantedEntry {
  const references = [...new Set(group.map(({ reference }) => reference))];
  const first = parseReference(references[0] as string);
  const privateReference = targetReference(target, first);
  const newName = formatRepository(privateReference);
  if (references.length > 1) return { name, newName, references };
  // Kustomize drops the one of tag and digest that is not set, so a reference with both sets both.
  const { tag: newTag, digest } = privateReference;
  return { name, newName, newTag, digest, references };
}

/** Returns the name as written, without tag and digest. */
export function imageName(written: string): string {
  const name = textBefore(written, '@');
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name.slice(0, name.lastIndexOf(':')) : name;
}
