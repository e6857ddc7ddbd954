import { checkContainerImages, crossCheckImages } from '../../discovery/cross-check.ts';
import { crdDocuments, demoteValuesCopies, discoverReferences, tracedReferences } from '../../discovery/index.ts';
import {
  applyRules,
  builtInRules,
  isFromRule,
  notKnownOperators,
  operatorsFor,
  type Rule,
} from '../../discovery/rules/index.ts';
import type { Render, Renderer, Values } from '../../helm/render.ts';
import { type TemplateSource, templateSources } from '../../helm/subcharts.ts';
import { isLocationBundledByDefault, type LocatedReference } from '../../inventory/finding.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { hasTargetHost, type Target } from '../../naming/naming.ts';
import { targetPrefix } from '../../naming/path-prefix.ts';
import { checkCrds } from '../../search/crds.ts';
import { type ReferenceDecisions, type StayingReference, splitStaying } from '../../search/reference-decisions.ts';
import { type Profile, untracedImages } from '../../search/search-render.ts';
import { upgradeProfile, type Variant } from '../../search/variants.ts';
import { unlessRefused } from '../../value-tracing/bisection.ts';
import { leavesOf } from '../../value-tracing/leaves.ts';
import { segmentsOf } from '../../value-tracing/name-segments.ts';
import { probe } from '../../value-tracing/probe.ts';
import { type CrdValidator, createCrdValidator } from '../crd/crd-validator.ts';
import { findNondeterministicFields, type ProvenOverrides, type TrialContext } from '../settings/accepted-settings.ts';
import { combineProofs, type Proof, pointOf, prove, type RenderProof, type UnmappedReference } from './proof.ts';
import { Sweep, type SweepResult, type SweptLocation } from './swept.ts';

/** Variant of a chart, with all images whose references must become private. */
export interface AnalyzedVariant extends Variant {
  /** Images that operators choose at run time; no template contains them. */
  readonly operands: readonly LocatedReference[];
  /** References that are only possible, which stay as they are. */
  readonly guesses: readonly LocatedReference[];
  /** References and operands that stay public on purpose. They are neither moved nor counted. */
  readonly staying: readonly StayingReference[];
  /** Operators and kinds of which nothing says which images they lead to. */
  readonly notKnown: readonly NotKnown[];
  /** Returns the containers that receive the name of an operand's image, identified by their image fields. */
  readonly operatorContainers: (operand: LocatedReference) => readonly LocatedReference[];
}

/** Variant of a chart that is moved, with the search for public names that no reference explains. */
export interface RelocatedVariant extends AnalyzedVariant {
  readonly sweep: Sweep;
}

/**
 * Returns the references in a render, without those of confidence `possible`.
 * @throws AirgapError `disagreement` if two discovery methods read a document differently
 */
export function wantedReferences(render: Render, renderer: Renderer, profile: Profile): LocatedReference[] {
  return onlyWanted(allReferences(render, renderer, profile));
}

function allReferences({ documents, values }: Render, { chart }: Renderer, { name }: Profile): LocatedReference[] {
  const found = discoverReferences(documents, { chart: chart.metadata.name, profile: name });
  crossCheckImages(documents, found);
  return demoteValuesCopies(found, values);
}

/** Chart in all its render variants, and the target of the move. */
export interface Relocation {
  readonly renderer: Renderer;
  readonly variants: readonly [RelocatedVariant, ...RelocatedVariant[]];
  readonly target: Target;
  /** Validator for custom resources. */
  readonly crdValidator: CrdValidator;
  readonly decisions?: ReferenceDecisions | undefined;
}

/**
 * Analyzes a chart: the install, and the upgrade if templates depend on it and the chart accepts these values for an
 * upgrade.
 */
export async function analyzeChart(
  renderer: Renderer,
  profile: Profile,
  target: Target,
  options: AnalysisOptions,
): Promise<Relocation> {
  const [install, ...others] = await analyzeVariants(renderer, profile, options);
  const chart = renderer.chart.metadata.name;
  const { decisions } = options;
  const withSweep = (variant: AnalyzedVariant): RelocatedVariant => ({
    ...variant,
    sweep: new Sweep({ ...variant, chart }, target, decisions),
  });
  const variants: Relocation['variants'] = [withSweep(install), ...others.map(withSweep)];
  const bases = variants.map(({ base }) => base);
  const crdValidator = createCrdValidator(renderer, bases);
  return { renderer, variants, target, crdValidator, decisions };
}

/** Returns the references in a render of one variant of the chart that do not stay public on purpose. */
export function referencesIn(
  relocation: Relocation,
  render: Render,
  variantIndex: number,
): readonly LocatedReference[] {
  return splitReferences(relocation, render, variantIndex).wanted;
}

/** Returns the references in a render of one variant of the chart, and apart those that stay public on purpose. */
export function splitReferences(
  { renderer, variants, decisions }: Relocation,
  render: Render,
  variantIndex: number,
): ReturnType<typeof splitStaying<LocatedReference>> {
  const { profile } = variants[variantIndex] ?? variants[0];
  const found = wantedReferences(render, renderer, profile);
  return splitStaying(found, decisions, render.documents, profile.options.namespace);
}

/**
 * Renders all variants of the chart with overrides.
 * @throws AirgapError `chart-render` if the chart refuses them, or a resource violates its CRD
 */
export async function renderAll(
  { renderer, variants, crdValidator }: Relocation,
  overrides: Values,
): Promise<Render[]> {
  const renders = await Promise.all(variants.map(({ profile }) => renderer.render(profile.options, overrides)));
  await crdValidator.check(renders);
  return renders;
}

/** Compares renders with and without overrides. */
export function proofOf(relocation: Relocation, renders: readonly Render[]): Proof {
  const proof = combineProofs(renders.map((render, i) => proveRender(relocation, render, i)));
  const notKnown = [...(proof.notKnown ?? []), ...relocation.crdValidator.unchecked()];
  return { ...proof, ...(notKnown.length > 0 && { notKnown }) };
}

/** Compares the render of one variant with overrides with that without, and searches it for other public names. */
export function proveRender(
  relocation: Relocation,
  render: Render,
  variantIndex: number,
): RenderProof & Pick<SweepResult, 'places'> {
  const { variants, target } = relocation;
  const { references, operands, staying, sweep } = variants[variantIndex] ?? variants[0];
  const after = referencesIn(relocation, render, variantIndex);
  const proof = prove(references, after, render.documents, target, operands, staying);
  const swept = sweep.judge(render, proof.unmapped);
  return {
    ...proof,
    ...swept,
    unmapped: [...proof.unmapped, ...swept.places.map((place) => unmappedPlace(place, target))].map((entry) =>
      hasTargetHost(target, entry.written) ? { ...entry, wrongName: true } : entry,
    ),
  };
}

function unmappedPlace(place: SweptLocation, target: Target): UnmappedReference {
  const isNameless = place.isPrefix && targetPrefix(target, place.written) === undefined;
  return { ...pointOf(place), ...(isNameless && { because: 'the naming changes paths, so a prefix has no name' }) };
}

/** Returns a function that reads the chart's templates. */
export function templatesOf(renderer: Renderer): () => Promise<TemplateSource[]> {
  return async () => templateSources(await renderer.sourceFiles());
}

/** Returns what trying further settings on top of proved overrides needs. */
export function trialContext(relocation: Relocation, proved: ProvenOverrides): TrialContext {
  const render = (overrides: Values): Promise<Render[]> => renderAll(relocation, overrides);
  const nondeterministicFields = findNondeterministicFields(proved, render);
  return { render, templates: templatesOf(relocation.renderer), nondeterministicFields };
}

/** Sources of images in addition to templates. */
export interface AnalysisOptions {
  /** Operator rules in addition to the built-in ones. */
  readonly rules: readonly Rule[];
  /** Images chosen by components in the cluster, in addition to those from rules. */
  readonly operands: readonly LocatedReference[];
  /** Include operators' default images for user-created resources. */
  readonly operatorDefaults: boolean;
  readonly decisions?: ReferenceDecisions | undefined;
}

/**
 * Analyzes a chart in all its variants, as {@link analyzeChart} does.
 * @throws AirgapError `chart-render` if the chart refuses the values; `disagreement`
 */
export async function analyzeVariants(
  renderer: Renderer,
  profile: Profile,
  options: AnalysisOptions,
): Promise<[AnalyzedVariant, ...AnalyzedVariant[]]> {
  await checkCrds(renderer);
  const install = await analyzeVariant(renderer, profile, await renderer.render(profile.options), options);
  const upgrade = await upgradeProfile(renderer, profile);
  const attempt = upgrade && (await unlessRefused(renderer.render(upgrade.options)));
  if (upgrade === undefined || attempt === undefined || 'refusal' in attempt) return [install];
  return [install, await analyzeVariant(renderer, upgrade, attempt.result, { ...options, operands: [] })];
}

async function analyzeVariant(
  renderer: Renderer,
  profile: Profile,
  base: Render,
  { rules, operands: bundledOperands, operatorDefaults, decisions }: AnalysisOptions,
): Promise<AnalyzedVariant> {
  const { metadata } = renderer.chart;
  const { documents } = base;
  const context = { chart: metadata.name, profile: profile.name };
  checkContainerImages(documents);
  const all = allReferences(base, renderer, profile);
  const found = onlyWanted(all);
  const references = [...found, ...(await tracedOnlyReferences(renderer, profile, base, found))];
  const known = new Set(references.map(({ reference }) => reference));
  const allRules = [...builtInRules, ...rules];
  const applied = applyRules(allRules, { metadata, documents, references, context });
  const crds = await renderer.crds();
  const input = { metadata, documents, references: [...references, ...applied], context, crds };
  const notKnown = notKnownOperators(allRules, input);
  const otherOperands = bundledOperands.filter((located) => !isFromRule(located, rules));
  // Helm installs these files as they are.
  const defaults = discoverReferences(crdDocuments(metadata.name, crds), context);
  const operands = onlyWanted([...applied, ...defaults, ...otherOperands]).filter((located) =>
    located.userMade ? operatorDefaults && isMovable(located) : !known.has(located.reference),
  );
  const split = (located: readonly LocatedReference[]): ReturnType<typeof splitStaying<LocatedReference>> =>
    splitStaying(located, decisions, documents, profile.options.namespace);
  const [kept, keptOperands] = [split(references), split(operands)];
  const operatorContainers = (located: LocatedReference): LocatedReference[] =>
    // A reference from an image's config belongs to the containers that run the image.
    located.kind === 'Image'
      ? references.filter(({ reference, how }) => reference === located.name && how === 'pod-spec')
      : operatorsFor(located, allRules, { references, documents });
  const guesses = all.filter((located) => !isLocationBundledByDefault(located));
  return {
    ...{ profile, base, references: kept.wanted, operands: keptOperands.wanted, guesses },
    staying: [...kept.staying, ...keptOperands.staying],
    ...{ notKnown, operatorContainers },
  };
}

/** Finds references that only value tracing shows; they are moved and proved like the others. */
async function tracedOnlyReferences(
  renderer: Renderer,
  { name, options }: Profile,
  base: Render,
  found: readonly LocatedReference[],
): Promise<LocatedReference[]> {
  const written = found.map((located) => located.written);
  const segments = leavesOf(base.values).flatMap((leaf) => segmentsOf(leaf, written));
  const untraced = untracedImages(base, segments);
  if (untraced.length === 0) return [];
  const probed = await probe(base, untraced, (overrides) => renderer.render(options, overrides));
  return tracedReferences(base, probed, found, { chart: renderer.chart.metadata.name, profile: name });
}

/**
 * Reports whether the chart can move an operator's default image for user-created resources. If only a field of the
 * resource can move it and the chart has such resources, users set that field in their own resources.
 */
function isMovable({ confidence, redirect }: LocatedReference): boolean {
  const isOfResource = redirect === undefined || redirect.kind === 'resource-field' || redirect.kind === 'none';
  return confidence !== 'possible' || !isOfResource;
}

function onlyWanted(references: readonly LocatedReference[]): LocatedReference[] {
  return references.filter(isLocationBundledByDefault);
}
