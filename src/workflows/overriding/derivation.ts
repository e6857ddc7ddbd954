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

/** Settings that the chart accepts, the recipes behind them, and their proof. */
export interface Derived extends Accepted<readonly Render[]> {
  readonly derived: readonly { readonly recipe: Recipe; readonly derivation: Derivation }[];
  readonly proof: Proof;
}

/** Chart in all its render variants, and the target of the move. */
export interface Moving {
  readonly renderer: Renderer;
  readonly variants: readonly [Shown, ...Shown[]];
  readonly target: Target;
  /** Validator for custom resources. */
  readonly cluster: Cluster;
}

/**
 * Derives settings that move all references of a chart, and proves them by rendering each variant again. Tags are kept
 * at this stage, also in the proof (retag.ts changes them), except for images that an operator chooses.
 * @param recipes stored recipes of a bundle, which save probing; the chart is probed if they leave a reference public
 * @param prove prove the settings by rendering
 */
export async function deriveAndProve(
  moving: Moving,
  { recipes, emit, prove }: { readonly recipes: readonly StoredRecipe[]; readonly emit: Emit; readonly prove: boolean },
): Promise<Derived> {
  const { renderer, variants } = moving;
  const [{ base }] = variants;
  const redirects = variants.flatMap((shown) => redirectSettings(shown.chosen, shown.base, moving.target));
  const target: Target = changesTags(moving.target) ? { ...moving.target, keepsTags: true } : moving.target;

  /** Set once a bundle's recipe was used without probing. */
  let isRestored = false;
  /** Restores the bundle's recipe if it moves everything with the current values; otherwise probes the chart. */
  const recipeFor = async (variant: Variant, without: ReadonlySet<string>, known: typeof recipes): Promise<Recipe> => {
    const { options } = variant.profile;
    const stored = known.find(({ upgrade }) => upgrade === (options.isUpgrade ?? false));
    if (stored !== undefined && without.size === 0) {
      const kept = restore(stored, variant.base.values, variant.places, target);
      if (kept !== undefined && fill(kept, target).unsolved.length === 0) {
        isRestored = true;
        return kept;
      }
      const why = kept === undefined ? 'the values differ from those used when bundling' : NOT_ALL;
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
  // Images chosen by operators are moved by rules and not by the recipe.
  if (!isRestored || first.proof.residue.every(({ reference }) => operands.has(reference))) return first;
  emit({ type: 'stage', message: `${NOT_ALL}: probing again` });
  return derive([]);
}

/** Message before probing again: references that a stored recipe leaves public count only if probing confirms them. */
const NOT_ALL = 'the recipe of the bundle does not move every reference';

function unproved({ variants }: Moving, settings: readonly Setting[]): Omit<Derived, 'derived'> {
  const [{ base }] = variants;
  const all = variants.flatMap(({ places, chosen }) => [...places, ...chosen]);
  const { size: references } = new Set(all.map(({ reference }) => reference));
  const proof: Proof = { references, rewritten: 0, residue: [], skipped: true };
  return { settings, overrides: valuesOf(base.values, settings), render: [], refused: [], proof };
}

/**
 * Renders all variants of the chart with overrides.
 * @throws AirgapError `chart-render` if the chart refuses them, or a resource violates its CRD
 */
export async function renderAll({ renderer, variants, cluster }: Moving, overrides: Values): Promise<Render[]> {
  const renders = await Promise.all(variants.map(({ profile }) => renderer.render(profile.options, overrides)));
  await cluster.check(renders);
  return renders;
}

/** Compares renders with and without overrides. */
export function proofOf({ renderer, variants, target }: Moving, renders: readonly Render[]): Proof {
  const proofs = variants.map(({ profile, places, chosen }, i) => {
    const after = renders[i] as Render;
    return proveRender(places, surePlaces(after, renderer, profile), after.documents, target, chosen);
  });
  return together(proofs);
}

/** Derives and proves; repeats without leaves that had no effect, and keeps the better result. */
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
