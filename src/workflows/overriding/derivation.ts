import type { Emit } from '../../base/events.ts';
import type { Render, Renderer, Values } from '../../helm/render.ts';
import { templateSources } from '../../helm/templates.ts';
import type { StoredRecipe } from '../../lock/recipe.ts';
import { changesTags, type Target } from '../../oci/naming.ts';
import { type Accepted, accept } from '../../overrides/accept.ts';
import { type Setting, settingsOf, valuesOf } from '../../overrides/document.ts';
import { isResidue, type Proof, prove as proveRender, together } from '../../overrides/proof.ts';
import { compose, type Recipe } from '../../overrides/recipe.ts';
import { redirectSettings, withRedirects } from '../../overrides/redirect.ts';
import { type Derivation, fill, fruitless } from '../../overrides/settle.ts';
import { restore } from '../../overrides/stored-recipe.ts';
import { fresh, type Variant } from '../search/variants.ts';
import type { Cluster } from './cluster.ts';
import { type Shown, surePlaces } from './shown.ts';

/** Settings that the chart accepts, what they were derived from, and the proof of them. */
export interface Derived extends Accepted<readonly Render[]> {
  readonly derived: readonly { readonly recipe: Recipe; readonly derivation: Derivation }[];
  readonly proof: Proof;
}

/** One chart in all its ways, and where it is to be moved. */
export interface Moving {
  readonly renderer: Renderer;
  readonly variants: readonly [Shown, ...Shown[]];
  readonly target: Target;
  /** What becomes of custom resources in the cluster. */
  readonly cluster: Cluster;
}

/**
 * Derives what moves every reference of a chart, and proves it by rendering again in each of its ways. Tags stay what they
 * are, for the proof too, whatever the naming does with them (retag.ts); but for images that an operator chooses.
 * @param recipes of a bundle: they only save probing, and the chart is probed where they do not prove every reference private
 * @param prove whether it is; else what was derived is handed back as it is
 */
export async function deriveAndProve(
  moving: Moving,
  { recipes, emit, prove }: { readonly recipes: readonly StoredRecipe[]; readonly emit: Emit; readonly prove: boolean },
): Promise<Derived> {
  const { renderer, variants } = moving;
  const [{ base }] = variants;
  const redirects = variants.flatMap((shown) => redirectSettings(shown.chosen, shown.base, moving.target));
  const target: Target = changesTags(moving.target) ? { ...moving.target, keepsTags: true } : moving.target;

  /** Whether the recipe of a bundle was used as it is. */
  let isRestored = false;
  /** What is known from the bundle, where it moves everything with the values at hand; else it is found out by probing. */
  const recipeFor = async (variant: Variant, without: ReadonlySet<string>, known: typeof recipes): Promise<Recipe> => {
    const { options } = variant.profile;
    const stored = known.find(({ upgrade }) => upgrade === (options.isUpgrade ?? false));
    if (stored !== undefined && without.size === 0) {
      const kept = restore(stored, variant.base.values, variant.places, target);
      if (kept !== undefined && fill(kept, target).unsolved.length === 0) {
        isRestored = true;
        return kept;
      }
      const why = kept === undefined ? 'the values differ from those that the chart was bundled with' : NOT_ALL;
      emit({ type: 'stage', message: `${why}: probing again` });
    }
    const render = (overrides: Values): Promise<Render> => renderer.render(options, overrides);
    const templates = async () => templateSources(await renderer.texts());
    return compose({ base: variant.base, places: variant.places, target, render, templates, without });
  };

  const derive = (known: typeof recipes): Promise<Derived> =>
    bestOf(async (without) => {
      const derived: Derived['derived'][number][] = [];
      for (const variant of fresh(variants)) {
        const recipe = await recipeFor(variant, without, known);
        derived.push({ recipe, derivation: fill(recipe, target) });
      }
      const settings = derived.map(({ recipe, derivation }) => settingsOf(derivation, recipe));
      const all = withRedirects(settings.reduce(withRedirects, []), redirects);
      if (!prove) return { derived, ...unproved(moving, all) };
      const result = await accept(base.values, all, (overrides) => renderAll(moving, overrides));
      return { derived, ...result, proof: proofOf({ ...moving, target }, result.render) };
    });

  const first = await derive(recipes);
  const operands = new Set(variants.flatMap(({ chosen }) => chosen.map(({ reference }) => reference)));
  // What an operator chooses is moved by rules, whatever the recipe.
  if (!isRestored || first.proof.residue.every(({ reference }) => operands.has(reference))) return first;
  emit({ type: 'stage', message: `${NOT_ALL}: probing again` });
  return derive([]);
}

/** A recipe saves time and decides nothing: what it leaves is believed only when the chart says so too. */
const NOT_ALL = 'the recipe of the bundle does not move every reference';

function unproved({ variants }: Moving, settings: readonly Setting[]): Omit<Derived, 'derived'> {
  const [{ base }] = variants;
  const all = variants.flatMap(({ places, chosen }) => [...places, ...chosen]);
  const { size: references } = new Set(all.map(({ reference }) => reference));
  const proof: Proof = { references, rewritten: 0, residue: [], skipped: true };
  return { settings, overrides: valuesOf(base.values, settings), render: [], refused: [], proof };
}

/**
 * The chart with overrides, in each of its ways.
 * @throws AirgapError `chart-render` when the chart refuses them, or a definition of its what they make of a resource
 */
export async function renderAll({ renderer, variants, cluster }: Moving, overrides: Values): Promise<Render[]> {
  const renders = await Promise.all(variants.map(({ profile }) => renderer.render(profile.options, overrides)));
  await cluster.check(renders);
  return renders;
}

/** What the renders with overrides show, compared with those without. */
export function proofOf({ renderer, variants, target }: Moving, renders: readonly Render[]): Proof {
  const proofs = variants.map(({ profile, places, chosen }, i) => {
    const after = renders[i] as Render;
    return proveRender(places, surePlaces(after, renderer, profile), after.documents, target, chosen);
  });
  return together(proofs);
}

/** Derives and proves; a second time without the leaves that did not do what they were to do, when there are any. */
async function bestOf(attempt: (without: ReadonlySet<string>) => Promise<Derived>): Promise<Derived> {
  const first = await attempt(new Set());
  const idle = first.derived.flatMap(({ derivation }) =>
    fruitless(derivation, (place) => isResidue(first.proof, place)),
  );
  if (idle.length === 0) return first;
  const refused = first.derived.flatMap(({ recipe }) => recipe.refused);
  const second = await attempt(new Set([...idle, ...refused]));
  return second.proof.residue.length < first.proof.residue.length ? second : first;
}
