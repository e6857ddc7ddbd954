import { fieldValue } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import { documentKey, type RenderedDocument } from '../helm/documents.ts';
import type { Render, Renderer } from '../helm/render.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { NotKnown } from '../inventory/state.ts';
import type { Target } from '../naming/naming.ts';
import type { Profile } from '../search/search-render.ts';
import { type Variant, withoutRepeats } from '../search/variants.ts';
import { findSecretHolders, podsWithoutSecret } from './additions/secret-holders.ts';
import { planPostRender, planPullSecret, postRendered } from './edits/post-render-plan.ts';
import {
  containsReference,
  expectedReference,
  locationKey,
  mentionsReference,
  type PodWithoutSecret,
  stringsOf,
} from './proof/proof.ts';
import { isRedirected } from './proof/redirect.ts';
import {
  type AnalysisOptions,
  type AnalyzedVariant,
  analyzeChart,
  analyzeVariants,
  proveRender,
  type Relocation,
  splitReferences,
} from './proof/relocation.ts';

/** A chart as it is installed: without overrides, with derived ones, or with those of a file. */
export interface InstalledChart {
  readonly relocation: Relocation;
  /** Each variant with the overrides. */
  readonly renders: readonly Render[];
}

/** A reference that an installation pulls, at its location. */
export interface InstalledReference extends LocatedReference {
  /** Reference of the chart without overrides, if one leads to this reference. */
  readonly source: string | undefined;
  /** Namespace of the object, if the manifest says it. */
  readonly namespace?: string | undefined;
  /** Container with the image, for images in Pod specs. */
  readonly container?: string | undefined;
  /** The container's `imagePullPolicy` is Never: a node runs it only if it has the image already. */
  readonly isNeverPulled?: true;
}

/** A post-renderer as `values --unmapped=post-render` writes its map. */
interface PostRenderer {
  /** True if Helm passes it hooks. */
  readonly hooks: boolean;
  /** Name of the pull secret that it adds to Pods without it. */
  readonly pullSecret?: string | undefined;
}

/**
 * Renders a chart with overrides that exist as files, in the order of `helm -f`, after the values of the profile.
 * @param postRender applied to what they leave public, if given
 * @throws AirgapError `chart-render` if the chart refuses its own values or the overrides
 */
export async function renderInstalled(
  renderer: Renderer,
  profile: Profile,
  target: Target,
  {
    files,
    postRender,
    ...options
  }: AnalysisOptions & { readonly files: readonly string[]; readonly postRender?: PostRenderer },
): Promise<InstalledChart> {
  const relocation = await analyzeChart(renderer, profile, target, options);
  const renders = await Promise.all(
    relocation.variants.map(({ profile: { options: render } }) =>
      renderer.render({ ...render, values: [...(render.values ?? []), ...files] }),
    ),
  );
  if (postRender === undefined) return { relocation, renders };
  const { hooks, pullSecret } = postRender;
  const { namespace = 'default' } = profile.options;
  const { entries } = await planPostRender(relocation, renders, hooks);
  const secret = pullSecret === undefined ? undefined : await planPullSecret(renders, pullSecret, namespace, hooks);
  return { relocation, renders: await postRendered(renders, entries, secret?.added, hooks) };
}

/**
 * Returns the references of an installation, at all locations, with those that operators choose; and the public names that only the
 * sweep found.
 */
export function installedReferences({ relocation, renders }: InstalledChart): InstalledReference[] {
  const { variants, target } = relocation;
  const sources = new Map(
    variants
      .flatMap(({ references, operands, staying }) => [...references, ...operands, ...staying])
      .map((located) => [expectedReference(located, target), located.reference] as const)
      .toReversed(),
  );
  const installed = variants.map((variant, i) => {
    const render = renders[i] as Render;
    const swept = proveRender(relocation, render, i).places.map((place) => ({ ...place, ...SWEPT }));
    return { ...variant, base: render, references: [...referencesWith(relocation, variant, render, i), ...swept] };
  });
  return withObjects(installed, (reference) => sources.get(reference) ?? sources.get(reference.replace(/@.*/, '')));
}

const SWEPT = { confidence: 'likely', need: 'operand' } as const;

/** Returns the references of a chart without overrides, at all locations, with those that operators choose; what is not known; and its renders. */
export async function chartReferences(
  renderer: Renderer,
  profile: Profile,
  options: AnalysisOptions,
): Promise<{
  readonly references: InstalledReference[];
  readonly notKnown: readonly NotKnown[];
  readonly renders: readonly Render[];
}> {
  const variants = await analyzeVariants(renderer, profile, options);
  const all = variants.map((variant) => ({
    ...variant,
    references: [...variant.references, ...variant.operands, ...variant.staying],
  }));
  return {
    references: withObjects(all, (reference) => reference),
    notKnown: variants[0].notKnown,
    renders: variants.map(({ base }) => base),
  };
}

/** Returns the references of manifests that are applied as they are, with what their objects say. */
export function appliedReferences(
  documents: readonly RenderedDocument[],
  references: readonly LocatedReference[],
): InstalledReference[] {
  return withPlaces(documents, references, (reference) => reference);
}

/** Returns what is not known of an installation. */
export function installedNotKnown({ relocation, renders }: InstalledChart): NotKnown[] {
  const swept = renders.flatMap((render, i) => proveRender(relocation, render, i).notKnown ?? []);
  return [...relocation.variants[0].notKnown, ...swept];
}

/** Returns the Pods of an installation without the pull secret. @param namespace release namespace */
export function installedWithoutSecret(
  { renders }: Pick<InstalledChart, 'renders'>,
  secret: string,
  namespace: string,
): PodWithoutSecret[] {
  return podsWithoutSecret(findSecretHolders(renders, namespace), secret);
}

/** Returns what a variant pulls with the overrides: as the proof judges it, but with every reference. */
function referencesWith(
  relocation: Relocation,
  { references, operands, staying }: AnalyzedVariant,
  render: Render,
  variantIndex: number,
): LocatedReference[] {
  const { target } = relocation;
  const { documents } = render;
  const { wanted, staying: stillStaying } = splitReferences(relocation, render, variantIndex);
  const found = [...wanted, ...stillStaying];
  const foundLocations = new Set(found.map(locationKey));
  const documentsByKey = new Map(
    documents.map((document) => [documentKey(document.template, document.index), document]),
  );
  // References that only value tracing shows, and those whose new text is not recognized at their location.
  const others = references.flatMap((located): LocatedReference[] => {
    if (foundLocations.has(locationKey(located))) return [];
    const text = stringsOf(documentsByKey.get(documentKey(located.template, located.document)));
    const reference = expectedReference(located, target);
    if (containsReference(text, reference)) return [{ ...located, reference }];
    return mentionsReference(text, located.written) ? [located] : [];
  });
  const chosen = operands.map((located) =>
    isRedirected(located, documents, target) ? { ...located, reference: expectedReference(located, target) } : located,
  );
  const kept = staying.filter((located) => {
    const document = documentsByKey.get(documentKey(located.template, located.document));
    if (foundLocations.has(locationKey(located))) return false;
    return document === undefined || mentionsReference(stringsOf(document), located.written);
  });
  return [...found, ...others, ...chosen, ...kept];
}

/** Adds what the rendered objects say, and leaves out what an upgrade repeats. */
function withObjects(
  variants: readonly Variant[],
  sourceOf: (reference: string) => string | undefined,
): InstalledReference[] {
  return withoutRepeats(variants).flatMap(({ base: { documents }, references }) =>
    withPlaces(documents, references, sourceOf),
  );
}

function withPlaces(
  documents: readonly RenderedDocument[],
  references: readonly LocatedReference[],
  sourceOf: (reference: string) => string | undefined,
): InstalledReference[] {
  const byKey = new Map(documents.map((document) => [documentKey(document.template, document.index), document]));
  return references.map((located) => {
    const document = byKey.get(documentKey(located.template, located.document));
    return { ...located, ...placeOf(document, located), source: sourceOf(located.reference) };
  });
}

function placeOf(
  document: RenderedDocument | undefined,
  { how, path }: LocatedReference,
): Pick<InstalledReference, 'namespace' | 'container' | 'isNeverPulled'> {
  if (document === undefined) return {};
  const { object } = document;
  const container = how === 'pod-spec' ? fieldValue(object, path.replace(/\.image$/, '')) : undefined;
  return {
    namespace: textOf(fieldValue(object, 'metadata.namespace')),
    container: isMapping(container) ? textOf(container.name) : undefined,
    ...(isMapping(container) && container.imagePullPolicy === 'Never' && { isNeverPulled: true }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
