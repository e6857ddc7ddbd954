import { compareText } from '../../base/text-order.ts';
import { textBefore } from '../../base/text-trim.ts';
import { yamlText } from '../../base/yaml-text.ts';
import type { Location } from '../../inventory/finding.ts';
import { isTagChanged, type Target, targetReference } from '../../naming/naming.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';

/** Fields that kustomize's image transformer changes: in lists of these names, in any object. */
const IMAGE_FIELD = /(?:^|\.)(?:containers|initContainers)\[\d+\]\.image$/;

/**
 * Formats a kustomization with an `images` list. Kustomize compares `name` with the text in the manifest, so an image
 * written in two ways gets two entries. For a name with several tags only the name changes, and each keeps its tag.
 * References outside container images are reported, because kustomize does not change them.
 */
export function formatKustomize(
  locations: readonly (Location & { readonly reference: string })[],
  target: Target,
  title: string,
): GeneratedFiles {
  const changeable = locations.filter(({ path, within }) => within === undefined && IMAGE_FIELD.test(path));
  const byName = [...Map.groupBy(changeable, ({ written }) => imageName(written))].sort(([a], [b]) =>
    compareText(a, b),
  );
  const images = byName.filter(([, group]) => fitsOneEntry(group, target));
  const unchangeable = locations
    .filter((location) => !changeable.includes(location))
    .map(({ reference, template, path, kind, name }) => {
      const position = template === '' ? `${kind} ${name}`.trim() : `${template} ${path}`.trim();
      return `${reference}: kustomize does not change it (${position})`;
    });
  const ambiguous = byName
    .filter((entry) => !images.includes(entry))
    .map(([name]) => `${name}: its tags need different entries, and kustomize allows one per name`);
  const left = [...unchangeable, ...ambiguous];
  const distinct = [...new Set(left)].sort(compareText);
  const entries = images.map(([name, group]) => imageEntry(name, group, target));
  const document = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', images: entries };
  const text = commentBlock([title, ...distinct]) + yamlText(document);
  return { files: [{ path: 'kustomization.yaml', text }], left: distinct };
}

/** Reports whether one entry fits all references of a name: a single reference, or a naming that keeps tags. */
function fitsOneEntry(group: readonly { readonly reference: string }[], target: Target): boolean {
  const references = new Set(group.map(({ reference }) => reference));
  return (
    references.size === 1 || [...references].every((reference) => !isTagChanged(target, parseReference(reference)))
  );
}

function imageEntry(name: string, group: readonly { readonly reference: string }[], target: Target): object {
  const references = [...new Set(group.map(({ reference }) => reference))];
  const first = parseReference(references[0] as string);
  const privateReference = targetReference(target, first);
  const newName = formatRepository(privateReference);
  if (references.length > 1) return { name, newName };
  // Kustomize drops the one of tag and digest that is not set, so a reference with both sets both.
  const { tag: newTag, digest } = privateReference;
  return { name, newName, newTag, digest };
}

/** Returns the name as written, without tag and digest. */
function imageName(written: string): string {
  const name = textBefore(written, '@');
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name.slice(0, name.lastIndexOf(':')) : name;
}
