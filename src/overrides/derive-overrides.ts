import type { Emit } from '../base/events.ts';
import { formatPath } from '../base/field-path.ts';
import { runStep } from '../base/step.ts';
import { titleOf } from '../helm/fetch.ts';
import type { Render } from '../helm/render.ts';
import type { StoredRecipe } from '../inventory/recipe.ts';
import { changesTags, type Target } from '../naming/naming.ts';
import { deriveRecipe, type Recipe } from '../recipe/recipe.ts';
import { ineffectiveLeaves, type RecipeSolution, solveRecipe } from '../recipe/solve-recipe.ts';
import { restoreRecipe } from '../recipe/stored-recipe.ts';
import { withoutRepeats } from '../search/variants.ts';
import { buildOverlay } from '../value-tracing/leaves.ts';
import { emptyLeaves, isGlobal } from '../value-tracing/values-nodes.ts';
import { isUnmapped, type Proof } from './proof/proof.ts';
import { redirectSettings } from './proof/redirect.ts';
import { proofOf, type RelocatedVariant, type Relocation, renderAll, templatesOf } from './proof/relocation.ts';
import { type AcceptedSettings, findAcceptedSettings } from './settings/accepted-settings.ts';
import { mergeSettings, type Setting, settingsOf } from './settings/setting.ts';

/** Settings that the chart accepts, the recipes behind them, and their proof. */
export interface DerivedOverrides extends AcceptedSettings<readonly Render[]> {
  readonly solved: readonly { readonly recipe: Recipe; readonly solution: RecipeSolution }[];
  readonly proof: Proof;
}

/**
 * Derives settings that move all references of a chart, and proves them by rendering each variant again. Tags are kept
 * at this stage, also in the proof (retag.ts changes them), except for images that an operator chooses.
 * @param recipes stored recipes of a bundle, which save probing; the chart is probed if they leave a reference public
 * @param prove prove the settings by rendering
 * @param sparesGlobals leave global values empty where others redirect as much. Charts give a global registry precedence
 *   over the values of single images, so as a default it would defeat those that users set.
 */
export async function deriveAndProve(
  relocation: Relocation,
  {
    recipes,
    emit,
    prove,
    sparesGlobals = false,
  }: {
    readonly recipes: readonly StoredRecipe[];
    readonly emit: Emit;
    readonly prove: boolean;
    readonly sparesGlobals?: boolean | undefined;
  },
): Promise<DerivedOverrides> {
  const { renderer, variants } = relocation;
  const [{ base }] = variants;
  const title = titleOf(renderer.chart);
  const redirects = variants.flatMap((variant) => redirectSettings(variant.operands, variant.base, relocation.target));
  const target: Target = changesTags(relocation.target) ? { ...relocation.target, keepsTags: true } : relocation.target;

  /** Set once a bundle's recipe was used without probing. */
  let isRestored = false;
  /** Restores the bundle's recipe if it moves everything with the current values; otherwise probes the chart. */
  const recipeFor = async (
    variant: RelocatedVariant,
    excludedLeaves: ReadonlySet<string>,
    storedRecipes: typeof recipes,
  ): Promise<Recipe> => {
    const { options } = variant.profile;
    const locations = [...variant.references, ...variant.staying];
    const stored = storedRecipes.find(({ upgrade }) => upgrade === (options.isUpgrade ?? false));
    // Recipes have no names that only the sweep found.
    if (stored !== undefined && excludedLeaves.size === 0 && variant.sweep.locations.length === 0) {
      const restored = restoreRecipe(stored, variant.base.values, locations, target);
      if (restored !== undefined && solveRecipe(restored, target).unsolved.length === 0) {
        isRestored = true;
        return restored;
      }
      const reason = restored === undefined ? 'the values differ from those used when bundling' : INCOMPLETE_RECIPE;
      emit({ type: 'note', message: `${reason}: probing again` });
    }
    return runStep(emit, `probing values of ${title}`, (advance) =>
      deriveRecipe({
        base: variant.base,
        locations: [...locations, ...variant.sweep.locations],
        target,
        render: (overrides) => renderer.render(options, overrides).finally(advance),
        templates: templatesOf(renderer),
        excludedLeaves,
      }),
    );
  };

  const derive = (storedRecipes: typeof recipes, spared: readonly string[] = []): Promise<DerivedOverrides> =>
    withoutIneffectiveLeaves(async (ineffective) => {
      const excludedLeaves = new Set([...ineffective, ...spared]);
      const solved: DerivedOverrides['solved'][number][] = [];
      for (const variant of withoutRepeats(variants)) {
        const recipe = await recipeFor(variant, excludedLeaves, storedRecipes);
        solved.push({ recipe, solution: solveRecipe(recipe, target) });
      }
      const settings = solved.map(({ recipe, solution }) => settingsOf(solution, recipe));
      const allSettings = mergeSettings(redirects, ...settings.toReversed());
      if (!prove) return { solved, ...unproved(relocation, allSettings) };
      return runStep(emit, `proving the overrides of ${title}`, async (advance) => {
        const result = await findAcceptedSettings(base.values, allSettings, (overrides) =>
          renderAll(relocation, overrides).finally(advance),
        );
        return { solved, ...result, proof: proofOf({ ...relocation, target }, result.rendered) };
      });
    });

  if (sparesGlobals) {
    const normal = await deriveAndProve(relocation, { recipes, emit, prove });
    const spared = await emptyGlobals(relocation, normal);
    const sparing = spared.length === 0 ? normal : await derive([], spared);
    return sparing.proof.residue.length > normal.proof.residue.length ? normal : sparing;
  }
  const first = await derive(recipes);
  const operands = new Set(variants.flatMap(({ operands }) => operands.map(({ reference }) => reference)));
  // Images chosen by operators are moved by rules and not by the recipe.
  if (!isRestored || first.proof.residue.every(({ reference }) => operands.has(reference))) return first;
  emit({ type: 'note', message: `${INCOMPLETE_RECIPE}: probing again` });
  return derive([]);
}

/** Returns the paths of the chart's empty global values, if the settings fill one of them. */
async function emptyGlobals({ renderer, variants }: Relocation, { settings }: DerivedOverrides): Promise<string[]> {
  const filled = new Set(settings.map(({ path }) => formatPath(path)));
  const templates = await templatesOf(renderer)();
  const globals = variants.flatMap(({ base }) => emptyLeaves(base.values, templates).filter(isGlobal));
  const paths = [...new Set(globals.map(({ path }) => formatPath(path)))];
  return paths.some((path) => filled.has(path)) ? paths : [];
}

/** Message before probing again: references that a stored recipe leaves public count only if probing confirms them. */
const INCOMPLETE_RECIPE = 'the recipe of the bundle does not move every reference';

function unproved({ variants }: Relocation, settings: readonly Setting[]): Omit<DerivedOverrides, 'solved'> {
  const [{ base }] = variants;
  const located = variants.flatMap(({ references, operands }) => [...references, ...operands]);
  const references = new Set(located.map(({ reference }) => reference)).size;
  const proof: Proof = { references, rewritten: 0, residue: [], skipped: true };
  return { settings, overrides: buildOverlay(base.values, settings), rendered: [], refused: [], proof };
}

/** Derives and proves; repeats without leaves that had no effect, and keeps the better result. */
async function withoutIneffectiveLeaves(
  attempt: (excludedLeaves: ReadonlySet<string>) => Promise<DerivedOverrides>,
): Promise<DerivedOverrides> {
  const first = await attempt(new Set());
  const ineffective = first.solved.flatMap(({ solution }) =>
    ineffectiveLeaves(solution, (location) => isUnmapped(first.proof, location)),
  );
  if (ineffective.length === 0) return first;
  const refused = first.solved.flatMap(({ recipe }) => recipe.refused);
  const second = await attempt(new Set([...ineffective, ...refused]));
  return second.proof.residue.length < first.proof.residue.length ? second : first;
}
