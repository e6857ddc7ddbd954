import type { Render, Renderer, Values } from '../helm/render.ts';
import { templateSources } from '../helm/templates.ts';
import type { StoredRecipe } from '../inventory/recipe.ts';
import { DEFAULT_NAMING, parseTarget } from '../naming/naming.ts';
import { deriveRecipe, type InitialProbe } from '../recipe/recipe.ts';
import { toStoredRecipe } from '../recipe/stored-recipe.ts';
import { type Variant, withoutRepeats } from './variants.ts';

/** Placeholder target: it only determines how far leaves without a value are examined. */
const ANY_TARGET = parseTarget('registry.invalid:5000/mirror', DEFAULT_NAMING);

/** Returns how values build the references of a chart, for each render variant. */
export async function deriveRecipes(
  renderer: Renderer,
  variants: readonly (Variant & { readonly initialProbe?: InitialProbe })[],
): Promise<StoredRecipe[]> {
  const recipes: StoredRecipe[] = [];
  for (const { profile, base, references, initialProbe } of withoutRepeats(variants)) {
    const render = (overrides: Values): Promise<Render> => renderer.render(profile.options, overrides);
    const redirectable = references.filter(
      ({ how, confidence }) => how !== 'operator-rule' && how !== 'declared' && confidence !== 'possible',
    );
    const templates = async () => templateSources(await renderer.sourceFiles());
    const common = { base, locations: redirectable, target: ANY_TARGET, render, templates };
    const recipe = await deriveRecipe(initialProbe === undefined ? common : { ...common, initial: initialProbe });
    recipes.push(toStoredRecipe(recipe, profile.options.isUpgrade === true));
  }
  return recipes;
}
