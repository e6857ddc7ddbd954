import type { Emit } from '../base/events.ts';
import { malformedImages } from '../discovery/index.ts';
import { type Rule, uncoveredNote } from '../discovery/rules/index.ts';
import type { Render, Renderer, Values } from '../helm/render.ts';
import { templateSources } from '../helm/subcharts.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { StoredRecipe } from '../inventory/recipe.ts';
import { setKeys } from '../inventory/values-origin.ts';
import { changesTags, type Target } from '../naming/naming.ts';
import type { Profile } from '../search/search-render.ts';
import { formatPath } from '../value-tracing/leaves.ts';
import { findNondeterministicFields, type ProvenOverrides } from './add-settings.ts';
import { type Additions, addPullSecretAndPins } from './additions.ts';
import { analyzeVariants, wantedReferences } from './analyzed-variants.ts';
import { createCrdValidator } from './crd-validator.ts';
import { type DerivedOverrides, deriveAndProve, proofOf, type Relocation, renderAll } from './derive-overrides.ts';
import { findInjectedSettings, injectOperatorSettings } from './injections.ts';
import { type Setting, valuesOf } from './overrides-file.ts';
import { type PostRenderPlan, planPostRender } from './post-render-plan.ts';
import { planPullSecret } from './post-render-secret.ts';
import type { Proof, UnmappedReference } from './proof.ts';
import { withReasons } from './reasons.ts';
import { type RepackedChart, repack } from './repack.ts';
import { retag, withoutPartialMoves } from './retag.ts';
import { findSecretHolders, podsWithoutSecret } from './secret-holders.ts';

/** Options for deriving the overrides of one chart. */
export interface OverrideOptions {
  /** Operator rules in addition to the built-in ones. */
  readonly rules: readonly Rule[];
  readonly emit: Emit;
  /** Recipes stored when the chart was bundled; the chart is probed again if its values differ. */
  readonly recipes?: readonly StoredRecipe[];
  /** Images that components in the cluster choose and no template mentions, in addition to those from rules. */
  readonly operands?: readonly LocatedReference[];
  /** Add variables or arguments to operators, through values, to move their operands (default: true). */
  readonly inject?: boolean;
  /** Require private names for operators' default images of user-created resources (default: true). */
  readonly operatorDefaults?: boolean;
  /** Handling of unmapped references: a post-renderer, with or without hooks, or changed chart templates. */
  readonly unmappedHandling?:
    | { readonly how: 'post-render'; readonly hooks: boolean }
    | { readonly how: 'repack'; readonly folder: string };
  /** Prove the overrides by rendering (default: true). */
  readonly prove?: boolean;
  /** Pull secret and digests to add. */
  readonly additions?: Additions;
}

/** Overrides of one chart and profile, with the proof over all render variants. */
export interface ChartOverrides {
  /** Coalesced values without the overrides. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly overrides: Values;
  readonly proof: Proof;
  /** All references of the chart, private or not. */
  readonly references: readonly string[];
  /** Work of the post-renderer, if requested; the proof then covers both. */
  readonly postRender?: PostRenderPlan;
  /** Chart with changed templates, if requested; the proof then covers both. */
  readonly repacked?: RepackedChart;
}

/**
 * Derives settings that move all references of a chart to the target, and proves them by rendering: as an install and,
 * if the templates depend on it, as an upgrade. Then adds, also proved, variables and arguments for operands, pull
 * secret and digests, and finally handles unmapped references.
 */
export async function overrideChart(
  renderer: Renderer,
  profile: Profile,
  target: Target,
  {
    rules,
    emit,
    recipes = [],
    operands = [],
    inject: isInjectionEnabled = true,
    operatorDefaults = true,
    unmappedHandling,
    prove = true,
    additions = {},
  }: OverrideOptions,
): Promise<ChartOverrides> {
  const variants = await analyzeVariants(renderer, profile, { rules, operands, operatorDefaults });
  const [{ base, uncovered }] = variants;
  for (const operator of uncovered) emit({ type: 'warning', message: uncoveredNote(operator) });
  for (const message of malformedImages(base.documents)) emit({ type: 'warning', message });
  const crdValidator = createCrdValidator(
    renderer,
    variants.map((variant) => variant.base),
  );
  const relocation: Relocation = { renderer, variants, target, crdValidator };
  const derived = await deriveWithTags(relocation, { recipes, emit, prove });
  for (const { setting, reason } of derived.refused) {
    emit({ type: 'warning', message: `${formatPath(setting.path)} is not changed: ${reason}` });
  }
  const operandReferences = variants.flatMap((variant) => variant.operands);
  const references = [
    ...new Set(
      [...variants.flatMap((variant) => variant.references), ...operandReferences].map((located) => located.reference),
    ),
  ].sort();
  if (!prove) {
    const { settings, overrides, proof } = derived;
    return { base: base.values, settings, overrides, proof, references };
  }
  const set = setKeys(profile.options);
  const withKnownReasons = (unmapped: readonly UnmappedReference[]): UnmappedReference[] =>
    withReasons(unmapped, {
      ...derived,
      operands: operandReferences,
      isInjectionEnabled,
      target,
      values: base.values,
      set,
    });

  const render = (overrides: Values): Promise<Render[]> => renderAll(relocation, overrides);
  const templates = async () => templateSources(await renderer.sourceFiles());
  const proved: ProvenOverrides = { base: base.values, settings: derived.settings, renders: derived.rendered };
  const unmovedNames = new Set(derived.proof.residue.map(({ reference }) => reference));
  const unmovedOperands = operandReferences.filter(({ reference }) => unmovedNames.has(reference));
  const operatorContainers = (located: LocatedReference): LocatedReference[] =>
    variants.flatMap((variant) => variant.operatorContainers(located));
  const nondeterministicFields = findNondeterministicFields(proved, render);
  const injected = !isInjectionEnabled
    ? proved
    : await injectOperatorSettings(proved, unmovedOperands, operatorContainers, target, {
        render,
        templates,
        nondeterministicFields,
      });
  const { residue: unmapped, ...counts } = injected === proved ? derived.proof : proofOf(relocation, injected.renders);

  const {
    settings,
    proof: additionsProof,
    unpinned,
  } = await addPullSecretAndPins(injected, {
    ...additions,
    namespace: profile.options.namespace ?? 'default',
    crdValidator,
    references: variants.map((variant) => [...variant.references, ...variant.operands]),
    render,
    templates,
    referencesIn: (after, variantIndex) =>
      wantedReferences(after, renderer, (variants[variantIndex] ?? variants[0]).profile),
  });
  const injectedSettings = findInjectedSettings(relocation, injected.renders);
  const additionalProof = {
    ...(injectedSettings.length === 0 ? {} : { injected: injectedSettings }),
    ...additionsProof,
  };
  const proof = { ...counts, residue: withKnownReasons(unmapped), ...additionalProof };
  const result = { base: base.values, settings, overrides: valuesOf(base.values, settings), proof, references };
  if (unmappedHandling === undefined) return result;
  const { namespace = 'default' } = profile.options;
  const { pullSecret } = additions;
  // Changed templates and Helm 4's post-renderer also cover hooks.
  const hooks = unmappedHandling.how === 'repack' || unmappedHandling.hooks;
  const podSecret =
    pullSecret === undefined ? undefined : await planPullSecret(unpinned.renders, pullSecret, namespace, hooks);
  if (unmappedHandling.how === 'repack') {
    const unpinnedOverrides = valuesOf(base.values, unpinned.settings);
    const secret = podSecret?.added && { added: podSecret.added, namespace };
    const repacked = await repack(relocation, unpinnedOverrides, unpinned.renders, unmappedHandling.folder, secret);
    const { residue: remaining } = repacked.proof;
    const withoutPullSecret =
      secret && podsWithoutSecret(findSecretHolders(repacked.renders, namespace), secret.added.name);
    const combinedProof = { ...repacked.proof, residue: withKnownReasons(remaining), ...additionalProof };
    return { ...result, proof: { ...combinedProof, ...(withoutPullSecret && { withoutPullSecret }) }, repacked };
  }
  const pairs = variants.map((variant, i) => ({ variant, after: injected.renders[i] as Render }));
  const postRenderPlan = await planPostRender(pairs, renderer, target, unmappedHandling.hooks);
  // References in hooks keep the reason that they are hooks; `inHooks` is compared by identity.
  const remaining = postRenderPlan.proof.residue.map((entry) =>
    postRenderPlan.inHooks.includes(entry) ? entry : (withKnownReasons([entry])[0] ?? entry),
  );
  const combinedProof = {
    ...postRenderPlan.proof,
    residue: remaining,
    ...additionalProof,
    ...(podSecret && { withoutPullSecret: podSecret.podsWithoutSecret }),
  };
  return {
    ...result,
    proof: combinedProof,
    postRender: { ...postRenderPlan, ...(podSecret?.added && { pullSecret: podSecret.added }) },
  };
}

/**
 * Derives the settings. A naming that changes tags is always proved, because only renders show which values build tags.
 */
async function deriveWithTags(
  relocation: Relocation,
  options: Parameters<typeof deriveAndProve>[1],
): Promise<DerivedOverrides> {
  const { renderer, variants, target } = relocation;
  if (!changesTags(target)) return deriveAndProve(relocation, options);
  const derived = await deriveAndProve(relocation, { ...options, prove: true });
  const [{ base }] = variants;
  const proved: ProvenOverrides = { base: base.values, settings: derived.settings, renders: derived.rendered };
  const render = (overrides: Values): Promise<Render[]> => renderAll(relocation, overrides);
  const retagLocations = {
    target,
    before: variants.map((variant) => variant.references),
    referencesIn: (after: Render, variantIndex: number) =>
      wantedReferences(after, renderer, (variants[variantIndex] ?? variants[0]).profile),
  };
  const templates = async () => templateSources(await renderer.sourceFiles());
  const tagged = await retag(proved, {
    ...retagLocations,
    render,
    templates,
    nondeterministicFields: findNondeterministicFields(proved, render),
  });
  const solutions = derived.solved.map(({ solution }) => solution);
  const settings = withoutPartialMoves(tagged, solutions, retagLocations);
  const overrides = valuesOf(base.values, settings);
  const renders = settings.length === tagged.settings.length ? tagged.renders : await render(overrides);
  return { ...derived, settings, overrides, rendered: renders, proof: proofOf(relocation, renders) };
}
