import type { Emit } from '../base/events.ts';
import type { PlaceFound } from '../discovery/index.ts';
import type { Rule } from '../discovery/rules/index.ts';
import type { Render, Renderer, Values } from '../helm/render.ts';
import { templateSources } from '../helm/templates.ts';
import { formatPath } from '../influence/leaves.ts';
import type { StoredRecipe } from '../lock/recipe.ts';
import type { Target } from '../oci/naming.ts';
import { type Accepted, accept } from '../overrides/accept.ts';
import { type Setting, settingsOf, valuesOf } from '../overrides/document.ts';
import { isResidue, type Proof, prove, together } from '../overrides/proof.ts';
import { compose, type Recipe } from '../overrides/recipe.ts';
import { redirectSettings, withRedirects } from '../overrides/redirect.ts';
import { type Derivation, fill, fruitless } from '../overrides/settle.ts';
import { restore } from '../overrides/stored-recipe.ts';
import { type Completion, complete } from './completion.ts';
import { moveResidue, type PostRendering } from './residue.ts';
import type { Profile } from './search-render.ts';
import { shownBy, surePlaces } from './shown.ts';
import { fresh, type Variant } from './variants.ts';

export interface OverrideOptions {
  /** Operator rules besides the built-in ones. */
  readonly rules: readonly Rule[];
  readonly emit: Emit;
  /** What was found out about the chart when it was bundled; it is probed again where its values are others now. */
  readonly recipes?: readonly StoredRecipe[];
  /** Images that something in the cluster chooses and no template mentions, beside those that rules know. */
  readonly operands?: readonly PlaceFound[];
  /** Whether a post-renderer is to move what no value reaches, and whether Helm gives hooks to it. */
  readonly postRender?: { readonly hooks: boolean };
  /** What else the overrides are to bring along. */
  readonly completion?: Completion;
}

/** Overrides of one chart under one profile, with the proof over each way in which it is rendered. */
export interface ChartOverrides {
  /** Coalesced values without them. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly overrides: Values;
  readonly proof: Proof;
  /** Everything that the chart refers to, private or not. */
  readonly references: readonly string[];
  /** What a post-renderer does besides, when it is asked for; the proof is of both together then. */
  readonly postRender?: PostRendering;
}

/**
 * Derives what moves every reference of a chart to the target, and proves it by rendering again, as an install and, where
 * the chart's templates look at that, as an upgrade.
 */
export async function overrideChart(
  renderer: Renderer,
  profile: Profile,
  target: Target,
  { rules, emit, recipes = [], operands = [], postRender, completion = {} }: OverrideOptions,
): Promise<ChartOverrides> {
  const variants = await shownBy(renderer, profile, rules, operands);
  const [{ base }] = variants;
  const redirects = variants.flatMap((shown) => redirectSettings(shown.chosen, shown.base, target));

  /** What is known from the bundle, where that still holds for the values at hand; else it is found out by probing. */
  const recipeFor = async (variant: Variant, without: ReadonlySet<string>): Promise<Recipe> => {
    const { options } = variant.profile;
    const stored = recipes.find(({ upgrade }) => upgrade === (options.isUpgrade ?? false));
    if (stored !== undefined && without.size === 0) {
      const kept = restore(stored, variant.base.values, variant.places, target);
      if (kept !== undefined) return kept;
      emit({ type: 'stage', message: 'the values differ from those that the chart was bundled with: probing again' });
    }
    const render = (overrides: Values): Promise<Render> => renderer.render(options, overrides);
    const templates = () => templateSources(renderer.chart.archive);
    return compose({ base: variant.base, places: variant.places, target, render, templates, without });
  };

  const renderAll = (overrides: Values): Promise<Render[]> =>
    Promise.all(variants.map((variant) => renderer.render(variant.profile.options, overrides)));
  const attempt = async (without: ReadonlySet<string>): Promise<Attempt> => {
    const derived: Attempt['derived'][number][] = [];
    for (const variant of fresh(variants)) {
      const recipe = await recipeFor(variant, without);
      derived.push({ recipe, derivation: fill(recipe, target) });
    }
    const settings = derived.map(({ recipe, derivation }) => settingsOf(derivation, recipe));
    const all = withRedirects(settings.reduce(withRedirects, []), redirects);
    const result = await accept(base.values, all, renderAll);
    const proofs = variants.map(({ profile: way, places, chosen }, i) => {
      const after = result.render[i] as Render;
      return prove(places, surePlaces(after, renderer, way), after.documents, target, chosen);
    });
    return { derived, ...result, proof: together(proofs) };
  };

  const { settings: proved, refused, proof, render } = await bestOf(attempt);
  for (const { setting, reason } of refused) {
    emit({ type: 'warning', message: `${formatPath(setting.path)} stays as it is: ${reason}` });
  }
  const places = variants.flatMap((shown) => [...shown.places, ...shown.chosen]);
  const references = [...new Set(places.map(({ reference }) => reference))].sort();
  const { settings, found } = await complete(
    { base: base.values, settings: proved, renders: render },
    {
      ...completion,
      namespace: profile.options.namespace ?? 'default',
      render: renderAll,
      templates: () => templateSources(renderer.chart.archive),
      placesIn: (after, way) => surePlaces(after, renderer, (variants[way] ?? variants[0]).profile),
    },
  );
  const overrides = valuesOf(base.values, settings);
  const result = { base: base.values, settings, overrides, proof: { ...proof, ...found }, references };
  if (postRender === undefined) return result;
  const pairs = variants.map((shown, i) => ({ shown, after: render[i] as Render }));
  const moved = await moveResidue(pairs, renderer, target, postRender.hooks);
  return { ...result, proof: { ...moved.proof, ...found }, postRender: moved };
}

interface Attempt extends Accepted<readonly Render[]> {
  readonly derived: readonly { readonly recipe: Recipe; readonly derivation: Derivation }[];
  readonly proof: Proof;
}

/** Derives and proves; a second time without the leaves that did not do what they were to do, when there are any. */
async function bestOf(attempt: (without: ReadonlySet<string>) => Promise<Attempt>): Promise<Attempt> {
  const first = await attempt(new Set());
  const idle = first.derived.flatMap(({ derivation }) =>
    fruitless(derivation, (place) => isResidue(first.proof, place)),
  );
  if (idle.length === 0) return first;
  const refused = first.derived.flatMap(({ recipe }) => recipe.refused);
  const second = await attempt(new Set([...idle, ...refused]));
  return second.proof.residue.length < first.proof.residue.length ? second : first;
}
