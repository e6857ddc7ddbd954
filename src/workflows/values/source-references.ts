import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { Rule } from '../../discovery/rules/index.ts';
import { isLocationBundledByDefault, type LocatedReference } from '../../inventory/finding.ts';
import type { ManifestSource } from '../../manifests/index.ts';
import { isUnderTarget, type Target } from '../../naming/naming.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import { searchManifests } from '../../search/search-manifests.ts';
import type { Context } from '../../session/context.ts';
import { addedReferences } from '../images/images.ts';
import { missingFromBundle } from './bundled-images.ts';
import { checkNameCollisions } from './name-collisions.ts';
import type { NeededReferences } from './needed-references.ts';
import type { ReferenceSources } from './requested-charts.ts';

/** Sources, and where their images are in the target. */
export interface SourceOptions extends ReferenceSources, Pick<OpenOptions, 'signers'> {
  readonly target: Target;
  /** Its images are the source if no other is given; else those that it lacks are reported. */
  readonly bundle?: string | undefined;
  readonly rules?: readonly Rule[] | undefined;
}

/**
 * Returns the references of manifests and lists, or those of a bundle with the places that its inventory has.
 * @throws AirgapError errors of reading them; `collision` if different images of a bundle get the same name
 */
export async function sourceReferences(context: Context, options: SourceOptions): Promise<NeededReferences> {
  const { manifests, images, bundle: file, signers, target, rules = [] } = options;
  const { emit } = context;
  const bundle = file === undefined ? undefined : await openCheckedBundle(file, { signers, emit });
  try {
    const located: LocatedReference[] = addedReferences(images);
    for (const source of manifests) located.push(...(await manifestReferences(context, source, rules)));
    const isOfBundle = bundle !== undefined && manifests.length + images.length === 0;
    if (isOfBundle) located.push(...bundledPlaces(bundle));
    const locations = located.filter(({ reference }) => !isUnderTarget(target, parseReference(reference)));
    const references = [...new Set(locations.map(({ reference }) => reference))].sort();
    checkNameCollisions(target, references, emit, bundle);
    const missing = bundle === undefined ? [] : missingFromBundle(bundle, references, emit);
    return {
      charts: manifests.map(({ name }) => name),
      references: references.map(parseReference),
      locations,
      failures: missing.map((reference) => `${reference}: not in the bundle`),
    };
  } finally {
    await bundle?.close();
  }
}

/** Returns the references of one kustomization or of manifests, without those that are only possible. */
export async function manifestReferences(
  context: Context,
  source: ManifestSource,
  rules: readonly Rule[],
): Promise<LocatedReference[]> {
  const { searched } = await searchManifests(context, source, { rules });
  return searched.references.filter(isLocationBundledByDefault);
}

/** Returns the images of a bundle with their places. One that was carried by its name, or by another tool, has none. */
function bundledPlaces(bundle: Bundle): LocatedReference[] {
  const entries = new Map(bundle.inventory()?.images.map((image) => [image.reference, image]));
  return bundle.images().flatMap(({ reference }) => {
    const name = formatReference(reference);
    const { found = [], confidence = 'certain', need = 'install' } = entries.get(name) ?? {};
    const places = found.map((place) => ({ ...place, reference: name, confidence, need }) as LocatedReference);
    return places.length > 0 ? places : addedReferences([name]);
  });
}
