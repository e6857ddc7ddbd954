import type { Emit } from '../base/events.ts';
import { formatPath } from '../base/field-path.ts';
import { runStep } from '../base/step.ts';
import { malformedImages } from '../discovery/cross-check.ts';
import type { Rule } from '../discovery/rules/index.ts';
import { titleOf } from '../helm/fetch.ts';
import type { Render, Renderer, Values } from '../helm/render.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { StoredRecipe } from '../inventory/recipe.ts';
import { setKeys } from '../inventory/values-origin.ts';
import { changesTags, type Target } from '../naming/naming.ts';
import type { Profile } from '../search/search-render.ts';
import { buildOverlay } from '../value-tracing/leaves.ts';
import { findInjectedSettings, injectOperatorSettings } from './additions/injection.ts';
import { addPins, type PinOptions } from './additions/pins.ts';
import { addPullSecret } from './additions/pull-secret.ts';
import { retag, withoutPartialMoves } from './additions/retag.ts';
import { findSecretHolders, podsWithoutSecret } from './additions/secret-holders.ts';
import { type DerivedOverrides, deriveAndProve } from './derive-overrides.ts';
import { type PostRenderPlan, planPostRender, planPullSecret, postRendered } from './edits/post-render-plan.ts';
import { type RepackedChart, repack } from './edits/repack.ts';
import type { Proof, UnmappedReference } from './proof/proof.ts';
import { withReasons } from './proof/reasons.ts';
import {
  type AnalysisOptions,
  analyzeChart,
  proofOf,
  type Relocation,
  renderAll,
  trialContext,
} from './proof/relocation.ts';
import { withStates } from './proof/states.ts';
import type { ProvenOverrides } from './settings/accepted-settings.ts';
import type { Setting } from './settings/setting.ts';

/** Handling of unmapped references: a post-renderer, with or without hooks, or changed chart templates. */
export type UnmappedHandling =
  | { readonly how: 'post-render'; readonly hooks: boolean }
  | { readonly how: 'repack'; readonly folder: string };

/** Settings requested in addition to private names. */
interface Additions {
  /** Name of the image pull secret for pods. */
  readonly pullSecret?: string;
  /** Pods without it are accepted. */
  readonly acceptsWithoutPullSecret?: boolean;
  /** Digests of private references; if absent, nothing is pinned. */
  readonly digests?: PinOptions['digests'];
}

/** Options for deriving the overrides of one chart. */
export interface OverrideOptions extends Pick<AnalysisOptions, 'decisions'> {
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
  readonly unmappedHandling?: UnmappedHandling;
  /** Prove the overrides by rendering (default: true). */
  readonly prove?: boolean;
  /** Leave global values empty where others redirect as much (default: false). */
  readonly sparesGlobals?: boolean;
  readonly additions?: Additions;
}

/** Overrides of one chart and profile, with the proof over all render variants. */
export interface ChartOverrides {
  /** Coalesced values without the overrides. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly overrides: Values;
  readonly proof: Proof;
  /** References of the chart that must become private, or are. */
  readonly references: readonly string[];
  /** The chart without the overrides. */
  readonly relocation: Relocation;
  /** What is installed: each variant with the overrides, changed by the post-renderer or from the changed chart. Empty if not proved. */
  readonly renders: readonly Render[];
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
  options: OverrideOptions,
): Promise<ChartOverrides> {
  const result = await moveReferences(renderer, profile, target, options);
  const accepted = options.additions?.acceptsWithoutPullSecret && { acceptsWithoutPullSecret: true as const };
  return { ...result, proof: { ...withStates(result.proof, result.relocation), ...accepted } };
}

async function moveReferences(
  renderer: Renderer,
  profile: Profile,
  target: Target,
  {
    rules,
    decisions,
    emit,
    recipes = [],
    operands: bundledOperands = [],
    inject: isInjectionEnabled = true,
    operatorDefaults = true,
    unmappedHandling,
    prove = true,
    sparesGlobals,
    additions = {},
  }: OverrideOptions,
): Promise<ChartOverrides> {
  const analysis = { rules, operands: bundledOperands, operatorDefaults, decisions };
  const title = titleOf(renderer.chart);
  const relocation = await runStep(emit, `rendering ${title}`, () => analyzeChart(renderer, profile, target, analysis));
  const { variants } = relocation;
  const [{ base }] = variants;
  for (const message of malformedImages(base.documents)) emit({ type: 'warning', message });
  const derived = await deriveWithTags(relocation, { recipes, emit, prove, sparesGlobals });
  for (const { setting, reason } of derived.refused) {
    emit({ type: 'warning', message: `${formatPath(setting.path)} is not changed: ${reason}` });
  }
  const operands = variants.flatMap((variant) => variant.operands);
  const located = [...variants.flatMap((variant) => variant.references), ...operands];
  const references = [...new Set(located.map(({ reference }) => reference))].sort();
  if (!prove) {
    const { settings, overrides, proof } = derived;
    return { base: base.values, settings, overrides, proof, references, relocation, renders: [] };
  }
  const unmovedNames = new Set(derived.proof.residue.map(({ reference }) => reference));
  const unmovedOperands = operands.filter(({ reference }) => unmovedNames.has(reference));
  const proved: ProvenOverrides = { base: base.values, settings: derived.settings, renders: derived.rendered };
  const injected = isInjectionEnabled
    ? await runStep(emit, `setting the images that ${title} deploys`, () =>
        injectOperatorSettings(relocation, proved, unmovedOperands),
      )
    : proved;
  const { namespace = 'default' } = profile.options;
  const added = await runStep(emit, `adding pull secret and digests to ${title}`, () =>
    addPullSecretAndPins(relocation, injected, additions, namespace),
  );

  const attempt = { ...derived, operands, isInjectionEnabled, target, values: base.values };
  const withKnownReasons = (unmapped: readonly UnmappedReference[]): UnmappedReference[] =>
    withReasons(unmapped, { ...attempt, set: setKeys(profile.options) });
  const injectedSettings = findInjectedSettings(relocation, injected.renders);
  const additionalProof: Partial<Proof> = {
    ...(injectedSettings.length > 0 && { injected: injectedSettings }),
    ...added.proof,
  };
  const { residue, ...counts } = injected === proved ? derived.proof : proofOf(relocation, injected.renders);
  const { settings } = added;
  const result: ChartOverrides = {
    base: base.values,
    settings,
    overrides: buildOverlay(base.values, settings),
    proof: { ...counts, residue: withKnownReasons(residue), ...additionalProof },
    references,
    relocation,
    renders: added.renders,
  };
  if (unmappedHandling === undefined) return result;

  const { unpinned } = added;
  // Changed templates and Helm 4's post-renderer also cover hooks.
  const hooks = unmappedHandling.how === 'repack' || unmappedHandling.hooks;
  const podSecret =
    additions.pullSecret === undefined
      ? undefined
      : await planPullSecret(unpinned.renders, additions.pullSecret, namespace, hooks);
  if (unmappedHandling.how === 'repack') {
    const secret = podSecret?.added && { added: podSecret.added, namespace };
    const repacked = await runStep(emit, `changing the templates of ${title}`, () =>
      repack(relocation, unpinned, unmappedHandling.folder, secret),
    );
    const withoutPullSecret =
      secret && podsWithoutSecret(findSecretHolders(repacked.renders, namespace), secret.added.name);
    const proof = { ...repacked.proof, residue: withKnownReasons(repacked.proof.residue), ...additionalProof };
    const { renders } = repacked;
    return { ...result, proof: { ...proof, ...(withoutPullSecret && { withoutPullSecret }) }, renders, repacked };
  }
  const plan = await runStep(emit, `planning the post-renderer of ${title}`, () =>
    planPostRender(relocation, injected.renders, hooks),
  );
  const proof = {
    ...plan.proof,
    // References in hooks keep the reason that they are hooks; `inHooks` is compared by identity.
    residue: plan.proof.residue.map((entry) =>
      plan.inHooks.includes(entry) ? entry : (withKnownReasons([entry])[0] ?? entry),
    ),
    ...additionalProof,
    ...(podSecret && { withoutPullSecret: podSecret.podsWithoutSecret }),
  };
  const renders = await postRendered(added.renders, plan.entries, podSecret?.added, hooks);
  return { ...result, proof, renders, postRender: { ...plan, pullSecret: podSecret?.added } };
}

/**
 * Derives the settings. A naming that changes tags is always proved, because only renders show which values build tags.
 */
async function deriveWithTags(
  relocation: Relocation,
  options: Parameters<typeof deriveAndProve>[1],
): Promise<DerivedOverrides> {
  if (!changesTags(relocation.target)) return deriveAndProve(relocation, options);
  const derived = await deriveAndProve(relocation, { ...options, prove: true });
  const base = relocation.variants[0].base.values;
  const tagged = await runStep(options.emit, `changing the tags of ${titleOf(relocation.renderer.chart)}`, () =>
    retag(relocation, { base, settings: derived.settings, renders: derived.rendered }),
  );
  const solutions = derived.solved.map(({ solution }) => solution);
  const settings = withoutPartialMoves(relocation, tagged, solutions);
  const overrides = buildOverlay(base, settings);
  const isUnchanged = settings.length === tagged.settings.length;
  const rendered = isUnchanged ? tagged.renders : await renderAll(relocation, overrides);
  return { ...derived, settings, overrides, rendered, proof: proofOf(relocation, rendered) };
}

/** Overrides with pull secret and digests, and where these could not be added. */
interface OverridesWithAdditions extends ProvenOverrides {
  /** Overrides without digests. */
  readonly unpinned: ProvenOverrides;
  readonly proof: Pick<Proof, 'pullSecretBy' | 'withoutPullSecret' | 'pullSecretUnknown' | 'pins'>;
}

/**
 * Adds pull secret and digests to proved overrides without invalidating the proof.
 * @param namespace release namespace
 */
async function addPullSecretAndPins(
  relocation: Relocation,
  proved: ProvenOverrides,
  { pullSecret, digests }: Additions,
  namespace: string,
): Promise<OverridesWithAdditions> {
  const options = { ...trialContext(relocation, proved), relocation };
  const withSecret =
    pullSecret === undefined ? undefined : await addPullSecret(proved, { ...options, secret: pullSecret, namespace });
  const unpinned = withSecret ?? proved;
  const pinned = digests === undefined ? undefined : await addPins(unpinned, { ...options, digests });
  const { base, settings, renders } = pinned ?? unpinned;
  return {
    base,
    settings,
    renders,
    unpinned,
    proof: {
      pullSecretBy: withSecret?.setBy,
      withoutPullSecret: withSecret?.podsWithoutSecret,
      pullSecretUnknown: withSecret?.unknownImages,
      pins: pinned?.pins,
    },
  };
}
