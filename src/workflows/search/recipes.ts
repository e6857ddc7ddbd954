import type { Render, Renderer, Values } from '../../helm/render.ts';
import { templateSources } from '../../helm/templates.ts';
import type { StoredRecipe } from '../../lock/recipe.ts';
import { DEFAULT_NAMING, parseTarget } from '../../oci/naming.ts';
import { compose, type Start } from '../../overrides/recipe.ts';
import { store } from '../../overrides/stored-recipe.ts';
import { fresh, type Variant } from './variants.ts';

/** Placeholder target: it only determines how far leaves without a value are examined. */
const ANY_TARGET = parseTarget('registry.invalid:5000/mirror', DEFAULT_NAMING);

/** Returns how values build the references of a chart, for each render variant. */
export async function recipesOf(
  renderer: Renderer,
  variants: readonly (Variant & { readonly start?: Start })[],
): Promise<StoredRecipe[]> {
  const recipes: StoredRecipe[] = [];
  for (const { profile, base, places, start } of fresh(variants)) {
    const render = (overrides: Values): Promise<Render> => renderer.render(profile.options, overrides);
    const moved = places.filter(
      ({ how, confidence }) => how !== 'operator-rule' && how !== 'declared' && confidence !== 'possible',
    );
    const templates = async () => templateSources(await renderer.texts());
    const common = { base, places: moved, target: ANY_TARGET, render, templates };
    const recipe = await compose(start === undefined ? common : { ...common, start });
    recipes.push(store(recipe, profile.options.isUpgrade === true));
  }
  return recipes;
}
