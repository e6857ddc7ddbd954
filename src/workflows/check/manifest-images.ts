import type { Rule } from '../../discovery/rules/index.ts';
import { isLocationBundledByDefault } from '../../inventory/finding.ts';
import type { ManifestSource } from '../../manifests/index.ts';
import { changesImageAt } from '../../overrides/formats/kustomize.ts';
import { appliedReferences, installedWithoutSecret } from '../../overrides/index.ts';
import { searchManifests } from '../../search/search-manifests.ts';
import type { Context } from '../../session/context.ts';
import type { SourceImages } from './source-images.ts';

/** What to do about public references of each kind of source. */
const HINTS: Readonly<Record<ManifestSource['kind'], string>> = {
  kustomize:
    'set them with values --format kustomize --update, or accept them with a reason in a list (--allow-images)',
  manifests: 'change them in the manifests, or accept them with a reason in a list (--allow-images)',
};

/**
 * Builds or reads manifests, and returns the images that their workloads pull.
 * @throws AirgapError errors of reading them
 */
export async function manifestImages(
  context: Context,
  source: ManifestSource,
  { rules, pullSecret }: { readonly rules?: readonly Rule[] | undefined; readonly pullSecret?: string | undefined },
): Promise<SourceImages> {
  const { searched, documents, imageFields, nestedJobs } = await searchManifests(context, source, {
    rules: rules ?? [],
  });
  const { kind, name } = source;
  const namespace = 'default';
  const renders = [{ documents, values: {} }];
  const pods = pullSecret === undefined ? [] : installedWithoutSecret({ renders }, pullSecret, namespace);
  return {
    chart: name,
    profile: { name: '' },
    namespace,
    references: appliedReferences(documents, searched.references.filter(isLocationBundledByDefault)),
    nested: [...new Set(nestedJobs.map(({ nested }) => nested.name))],
    whyPublic: (place) =>
      kind === 'kustomize' && !changesImageAt(place, imageFields) ? 'images does not change this field' : undefined,
    publicHint: HINTS[kind],
    lacksSecret: (place) =>
      place.how === 'pod-spec' &&
      pods.some((pod) => pod.kind === place.kind && pod.name === place.name && pod.template === place.template),
  };
}
