import { readFile } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import type { KindField } from '../../base/field-path.ts';
import type { Rule } from '../../discovery/rules/index.ts';
import { isLocationBundledByDefault } from '../../inventory/finding.ts';
import type { ManifestSource } from '../../manifests/index.ts';
import { findKustomization } from '../../manifests/kustomization-inputs.ts';
import { hasTargetHost, type Target } from '../../naming/naming.ts';
import { readKustomization } from '../../overrides/formats/kustomization-file.ts';
import { changesImageAt, imageName } from '../../overrides/formats/kustomize.ts';
import { isIdentity } from '../../overrides/formats/kustomize-changes.ts';
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
  {
    rules,
    target,
    pullSecret,
  }: {
    readonly rules?: readonly Rule[] | undefined;
    readonly target: Target | undefined;
    readonly pullSecret?: string | undefined;
  },
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
    notKnown: searched.notKnown.filter(
      ({ what, name: text }) => what !== 'name' || target === undefined || !hasTargetHost(target, text),
    ),
    nested: [...new Set(nestedJobs.map(({ nested }) => nested.name))],
    whyPublic: (place) =>
      kind === 'kustomize' && !changesImageAt(place, imageFields) ? 'images does not change this field' : undefined,
    keeps: kind === 'kustomize' ? await keptByEntries(source, imageFields) : undefined,
    publicHint: HINTS[kind],
    lacksSecret: (place) =>
      place.how === 'pod-spec' &&
      pods.some((pod) => pod.kind === place.kind && pod.name === place.name && pod.template === place.template),
  };
}

/** Returns which images the kustomization's own entries keep as they are, as `values --update` reads them. */
async function keptByEntries(
  { path, name }: ManifestSource,
  imageFields: readonly KindField[],
): Promise<SourceImages['keeps']> {
  const file = await findKustomization(path);
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8');
  const kept = new Set<string>();
  try {
    for (const entry of readKustomization(name, text).entries) if (isIdentity(entry)) kept.add(entry.name);
  } catch (error) {
    // Its images cannot be edited, so `values` keeps none of them either.
    if (!(error instanceof AirgapError)) throw error;
  }
  return (place) =>
    kept.has(imageName(place.written)) && changesImageAt(place, imageFields)
      ? { image: place.reference, reason: `an entry of images in ${name} keeps it` }
      : undefined;
}
