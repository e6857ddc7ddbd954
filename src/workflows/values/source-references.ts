import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Rule } from '../../discovery/rules/index.ts';
import { isLocationBundledByDefault, type LocatedReference } from '../../inventory/finding.ts';
import type { ManifestSource } from '../../manifests/index.ts';
import { isUnderTarget, type Target } from '../../naming/naming.ts';
import { parseReference } from '../../oci/reference.ts';
import {
  allowedNames,
  type OnPurpose,
  type ReferenceDecisions,
  splitStaying,
} from '../../search/reference-decisions.ts';
import { type ManifestSearch, searchManifests } from '../../search/search-manifests.ts';
import type { Context } from '../../session/context.ts';
import { addedReferences } from '../images/images.ts';
import { bundledPlaces } from './bundled-charts.ts';
import { decisionsFor, missingFailures, missingFromBundle, warnUnusedAllowed } from './bundled-images.ts';
import { checkNameCollisions } from './name-collisions.ts';
import type { NeededReferences } from './needed-references.ts';
import type { ReferenceSources } from './requested-charts.ts';

/** Sources, and where their images are in the target. */
export interface SourceOptions extends ReferenceSources, Pick<OpenOptions, 'signers'> {
  readonly target: Target;
  /** Its images are the source if no other is given; else those that it lacks are reported. */
  readonly bundle?: string | undefined;
  readonly rules?: readonly Rule[] | undefined;
  readonly onPurpose?: OnPurpose | undefined;
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
    const decisions = decisionsFor(context, options, bundle);
    const isOfBundle = bundle !== undefined && manifests.length + images.length === 0;
    const parts = [splitStaying(isOfBundle ? bundledPlaces(bundle) : addedReferences(images), decisions, [])];
    const searches: ManifestSearch['searched'][] = [];
    for (const source of manifests) {
      const { searched, ...found } = await manifestReferences(context, source, rules, decisions);
      parts.push(found);
      searches.push(searched);
    }
    const located = parts.flatMap(({ wanted }) => wanted);
    const locations = located.filter(({ reference }) => !isUnderTarget(target, parseReference(reference)));
    const references = [...new Set(locations.map(({ reference }) => reference))].sort();
    checkNameCollisions(target, references, emit, bundle);
    warnUnusedAllowed(emit, decisions);
    const missing = bundle === undefined ? [] : missingFromBundle(bundle, references, decisions, emit);
    return {
      charts: manifests.map(({ name }) => name),
      references: references.map(parseReference),
      locations,
      failures: [
        ...missingFailures(decisions, isOfBundle ? undefined : references),
        ...missing.map((reference) => `${reference}: not in the bundle`),
      ],
      allowed: allowedNames(parts.flatMap(({ staying }) => staying)),
      notKnown: isOfBundle ? (bundle.inventory()?.notKnown ?? []) : searches.flatMap(({ notKnown }) => notKnown),
    };
  } finally {
    await bundle?.close();
  }
}

/** Returns the references of one kustomization or of manifests, without those that are only possible, and the manifests. */
export async function manifestReferences(
  context: Context,
  source: ManifestSource,
  rules: readonly Rule[],
  decisions?: ReferenceDecisions,
): Promise<ReturnType<typeof splitStaying<LocatedReference>> & Pick<ManifestSearch, 'searched' | 'documents'>> {
  const { searched, documents } = await searchManifests(context, source, { rules });
  const wanted = searched.references.filter(isLocationBundledByDefault);
  return { ...splitStaying(wanted, decisions, documents, 'default'), searched, documents };
}
