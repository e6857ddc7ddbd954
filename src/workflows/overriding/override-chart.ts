import type { Emit } from '../../base/events.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import { dubiousImages } from '../../discovery/recount.ts';
import { outsideNote, type Rule } from '../../discovery/rules/index.ts';
import type { Render, Renderer, Values } from '../../helm/render.ts';
import { templateSources } from '../../helm/templates.ts';
import { formatPath } from '../../influence/leaves.ts';
import { setKeys } from '../../lock/given.ts';
import type { StoredRecipe } from '../../lock/recipe.ts';
import { changesTags, type Target } from '../../oci/naming.ts';
import { type Setting, valuesOf } from '../../overrides/document.ts';
import type { Proof, Residue } from '../../overrides/proof.ts';
import { withReasons } from '../../overrides/reasons.ts';
import { holdersIn, podsWithout } from '../../overrides/secret-holders.ts';
import type { Profile } from '../search/search-render.ts';
import { clusterOf } from './cluster.ts';
import { type Completion, complete } from './completion.ts';
import { type Derived, deriveAndProve, type Moving, proofOf, renderAll } from './derivation.ts';
import { type Proved, restlessIn } from './extension.ts';
import { giveSecret } from './given-secret.ts';
import { inject, injectedIn } from './injections.ts';
import { type Repacked, repack } from './repack.ts';
import { moveResidue, type PostRendering } from './residue.ts';
import { retag, withoutHalves } from './retag.ts';
import { shownBy, surePlaces } from './shown.ts';

/** Options for deriving the overrides of one chart. */
export interface OverrideOptions {
  /** Operator rules in addition to the built-in ones. */
  readonly rules: readonly Rule[];
  readonly emit: Emit;
  /** Recipes stored when the chart was bundled; the chart is probed again if its values differ. */
  readonly recipes?: readonly StoredRecipe[];
  /** Images that components in the cluster choose and no template mentions, in addition to those from rules. */
  readonly operands?: readonly PlaceFound[];
  /** Add variables or arguments to operators, through values, to move their operands (default: true). */
  readonly inject?: boolean;
  /** Require private names for operators' default images of user-created resources (default: true). */
  readonly operatorDefaults?: boolean;
  /** Handling of unmapped references: a post-renderer, with or without hooks, or changed chart templates. */
  readonly residue?:
    | { readonly how: 'post-render'; readonly hooks: boolean }
    | { readonly how: 'repack'; readonly folder: string };
  /** Prove the overrides by rendering (default: true). */
  readonly prove?: boolean;
  /** Pull secret and digests to add. */
  readonly completion?: Completion;
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
  readonly postRender?: PostRendering;
  /** Chart with changed templates, if requested; the proof then covers both. */
  readonly repacked?: Repacked;
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
    inject: isInjected = true,
    operatorDefaults = true,
    residue: rest,
    prove = true,
    completion = {},
  }: OverrideOptions,
): Promise<ChartOverrides> {
  const variants = await shownBy(renderer, profile, { rules, operands, operatorDefaults });
  const [{ base, outside }] = variants;
  for (const operator of outside) emit({ type: 'warning', message: outsideNote(operator) });
  for (const dubious of dubiousImages(base.documents)) emit({ type: 'warning', message: dubious });
  const cluster = clusterOf(
    renderer,
    variants.map((shown) => shown.base),
  );
  const moving: Moving = { renderer, variants, target, cluster };
  const derived = await derivedFor(moving, { recipes, emit, prove });
  for (const { setting, reason } of derived.refused) {
    emit({ type: 'warning', message: `${formatPath(setting.path)} is not changed: ${reason}` });
  }
  const chosen = variants.flatMap((shown) => shown.chosen);
  const references = [
    ...new Set([...variants.flatMap((shown) => shown.places), ...chosen].map((place) => place.reference)),
  ].sort();
  if (!prove) {
    const { settings, overrides, proof } = derived;
    return { base: base.values, settings, overrides, proof, references };
  }
  const set = setKeys(profile.options);
  const explained = (residue: readonly Residue[]): Residue[] =>
    withReasons(residue, { ...derived, chosen, isInjected, target, values: base.values, set });

  const render = (overrides: Values): Promise<Render[]> => renderAll(moving, overrides);
  const templates = async () => templateSources(await renderer.texts());
  const proved: Proved = { base: base.values, settings: derived.settings, renders: derived.render };
  const left = new Set(derived.proof.residue.map(({ reference }) => reference));
  const still = chosen.filter(({ reference }) => left.has(reference));
  const tellers = (place: PlaceFound): PlaceFound[] => variants.flatMap((shown) => shown.tellers(place));
  const restless = restlessIn(proved, render);
  const injected = !isInjected ? proved : await inject(proved, still, tellers, target, { render, templates, restless });
  const { residue, ...counts } = injected === proved ? derived.proof : proofOf(moving, injected.renders);

  const { settings, found, unpinned } = await complete(injected, {
    ...completion,
    namespace: profile.options.namespace ?? 'default',
    cluster,
    places: variants.map((shown) => [...shown.places, ...shown.chosen]),
    render,
    templates,
    placesIn: (after, way) => surePlaces(after, renderer, (variants[way] ?? variants[0]).profile),
  });
  const told = injectedIn(moving, injected.renders);
  const more = { ...(told.length === 0 ? {} : { injected: told }), ...found };
  const proof = { ...counts, residue: explained(residue), ...more };
  const result = { base: base.values, settings, overrides: valuesOf(base.values, settings), proof, references };
  if (rest === undefined) return result;
  const { namespace = 'default' } = profile.options;
  const { pullSecret } = completion;
  // Changed templates and Helm 4's post-renderer also cover hooks.
  const hooks = rest.how === 'repack' || rest.hooks;
  const given = pullSecret === undefined ? undefined : await giveSecret(unpinned.renders, pullSecret, namespace, hooks);
  if (rest.how === 'repack') {
    const own = valuesOf(base.values, unpinned.settings);
    const secret = given?.added && { added: given.added, namespace };
    const repacked = await repack(moving, own, unpinned.renders, rest.folder, secret);
    const { residue: stays } = repacked.proof;
    const without = secret && podsWithout(holdersIn(repacked.renders, namespace), secret.added.name);
    const whole = { ...repacked.proof, residue: explained(stays), ...more };
    return { ...result, proof: { ...whole, ...(without && { withoutPullSecret: without }) }, repacked };
  }
  const pairs = variants.map((shown, i) => ({ shown, after: injected.renders[i] as Render }));
  const moved = await moveResidue(pairs, renderer, target, rest.hooks);
  // References in hooks keep the reason that they are hooks; `inHooks` is compared by identity.
  const stays = moved.proof.residue.map((one) => (moved.hidden.includes(one) ? one : (explained([one])[0] ?? one)));
  const whole = { ...moved.proof, residue: stays, ...more, ...(given && { withoutPullSecret: given.without }) };
  return { ...result, proof: whole, postRender: { ...moved, ...(given?.added && { pullSecret: given.added }) } };
}

/**
 * Derives the settings. A naming that changes tags is always proved, because only renders show which values build tags.
 */
async function derivedFor(moving: Moving, options: Parameters<typeof deriveAndProve>[1]): Promise<Derived> {
  const { renderer, variants, target } = moving;
  if (!changesTags(target)) return deriveAndProve(moving, options);
  const derived = await deriveAndProve(moving, { ...options, prove: true });
  const [{ base }] = variants;
  const proved: Proved = { base: base.values, settings: derived.settings, renders: derived.render };
  const render = (overrides: Values): Promise<Render[]> => renderAll(moving, overrides);
  const places = {
    target,
    before: variants.map((shown) => shown.places),
    placesIn: (after: Render, way: number) => surePlaces(after, renderer, (variants[way] ?? variants[0]).profile),
  };
  const templates = async () => templateSources(await renderer.texts());
  const tagged = await retag(proved, { ...places, render, templates, restless: restlessIn(proved, render) });
  const derivations = derived.derived.map(({ derivation }) => derivation);
  const settings = withoutHalves(tagged, derivations, places);
  const overrides = valuesOf(base.values, settings);
  const renders = settings.length === tagged.settings.length ? tagged.renders : await render(overrides);
  return { ...derived, settings, overrides, render: renders, proof: proofOf(moving, renders) };
}
