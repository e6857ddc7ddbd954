import type { Emit } from '../base/events.ts';
import { type Advance, runStep } from '../base/step.ts';
import { checkContainerImages, malformedImages } from '../discovery/cross-check.ts';
import { titleOf } from '../helm/fetch.ts';
import type { Render, Renderer, Values } from '../helm/render.ts';
import { templateSources } from '../helm/subcharts.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { StoredRecipe } from '../inventory/recipe.ts';
import { DEFAULT_NAMING, parseTarget } from '../naming/naming.ts';
import { deriveRecipe, type InitialProbe } from '../recipe/recipe.ts';
import { toStoredRecipe } from '../recipe/stored-recipe.ts';
import { unlessRefused } from '../value-tracing/bisection.ts';
import { checkCrds } from './crds.ts';
import { withSwitches } from './network-switches.ts';
import { type Profile, type RenderFindings, type SearchOptions, searchRender } from './search-render.ts';
import { upgradeProfile, type Variant, withoutRepeats } from './variants.ts';
import { type Addition, searchWhatIf } from './what-if.ts';

/** Results of all renders of one profile. */
export interface ProfileFindings extends RenderFindings {
  /** References that disabled components would add. */
  readonly whatIf: readonly Addition[];
  /** Recipes of how values build the references; empty unless requested. */
  readonly recipes: readonly StoredRecipe[];
}

/** One render and its results. */
type Rendered = Variant & RenderFindings;

/**
 * Renders a chart as an install, as an upgrade if its templates distinguish the two, and with its optional components
 * enabled if requested.
 * @throws AirgapError the failure of the install render; `chart-invalid` for invalid container images
 */
export async function searchProfile(
  renderer: Renderer,
  profile: Profile,
  search: SearchOptions,
  emit: Emit,
): Promise<ProfileFindings> {
  const { options } = profile;
  const title = titleOf(renderer.chart);
  const base = await runStep(emit, `rendering ${title}`, async () => {
    const render = await renderer.render(options);
    checkContainerImages(render.documents);
    await checkCrds(renderer);
    return render;
  });
  for (const problem of malformedImages(base.documents)) emit({ type: 'warning', message: problem });
  const found = await runStep(emit, `tracing values of ${title}`, () =>
    searchRender(renderer, base, profile, search, true),
  );
  const install: Rendered = { profile, base, ...found };
  const installNetwork = search.networkSwitches
    ? await runStep(emit, `finding what switches off downloads of ${title}`, (advance) =>
        withSwitches(renderer, options, base, install.network, advance),
      )
    : install.network;
  const upgradeVariant = await upgradeProfile(renderer, profile);
  const upgrade =
    upgradeVariant &&
    (await runStep(emit, `rendering ${title} as an upgrade`, () =>
      searchUpgrade(renderer, install, upgradeVariant, search, emit),
    ));
  const merged = mergeUpgrade(install, upgrade);
  const variants = upgrade === undefined ? [install] : [install, upgrade];
  return {
    references: merged.references,
    operators: merged.operators,
    notKnown: merged.notKnown,
    nested: merged.nested,
    network: [...installNetwork, ...merged.network.slice(install.network.length)],
    recipes: search.recipes
      ? await runStep(emit, `probing values of ${title}`, (advance) =>
          deriveRecipes(renderer, variants, search.recipes === 'as-written', advance),
        )
      : [],
    whatIf: search.whatIf
      ? await runStep(emit, `enabling optional components of ${title}`, (advance) =>
          searchWhatIf(renderer, base, profile, search, merged, advance),
        )
      : [],
  };
}

/**
 * Searches the upgrade. A chart that refuses to be upgraded (Bitnami charts require the existing passwords) causes a
 * warning and not an error, because the install is what was requested.
 */
async function searchUpgrade(
  renderer: Renderer,
  install: Rendered,
  upgrade: Profile,
  search: SearchOptions,
  emit: Emit,
): Promise<Rendered | undefined> {
  const { metadata } = renderer.chart;
  const attempt = await unlessRefused(renderer.render(upgrade.options));
  if ('result' in attempt) {
    const rendered = { profile: upgrade, base: attempt.result };
    checkContainerImages(rendered.base.documents);
    const found = {
      ...rendered,
      ...(await searchRender(renderer, attempt.result, upgrade, search, false)),
    };
    // Tracing takes another render: only if the upgrade adds references of its own.
    if (withoutRepeats([install, found]).length < 2) return found;
    return { ...rendered, ...(await searchRender(renderer, attempt.result, upgrade, search, true)) };
  }
  const chart = `chart ${metadata.name} ${metadata.version}`;
  const message = `${chart} does not render as an upgrade, so images that only upgrades pull are unknown: ${attempt.refusal.message}`;
  emit({ type: 'warning', message });
  return undefined;
}

/** Merges both renders. Images that only the upgrade contains are needed for upgrades only. */
function mergeUpgrade(install: Rendered, upgrade: Rendered | undefined): RenderFindings {
  if (upgrade === undefined) return install;
  const added = withoutRepeats([install, upgrade])[1]?.references ?? [];
  const nested = new Set(install.nested.map((chart) => JSON.stringify(chart)));
  const urls = new Set(install.network.map(({ url }) => url));
  const upgradeOnly = added.map((reference): LocatedReference => {
    const isNeeded = reference.need === 'install' || reference.need === 'operand';
    return isNeeded ? { ...reference, need: 'lifecycle' } : reference;
  });
  return {
    references: [...install.references, ...upgradeOnly],
    operators: install.operators,
    notKnown: install.notKnown,
    nested: [...install.nested, ...upgrade.nested.filter((chart) => !nested.has(JSON.stringify(chart)))],
    network: [...install.network, ...upgrade.network.filter(({ url }) => !urls.has(url))],
  };
}

/** Placeholder target: it only determines how far leaves without a value are examined. */
const ANY_TARGET = parseTarget('registry.invalid:5000/mirror', DEFAULT_NAMING);

/** Returns how values build the references of a chart, for each render variant. */
async function deriveRecipes(
  renderer: Renderer,
  variants: readonly (Variant & { readonly initialProbe?: InitialProbe })[],
  keepsEmptyLeaves: boolean,
  advance: Advance,
): Promise<StoredRecipe[]> {
  const recipes: StoredRecipe[] = [];
  for (const { profile, base, references, initialProbe } of withoutRepeats(variants)) {
    const render = (overrides: Values): Promise<Render> => renderer.render(profile.options, overrides).finally(advance);
    const redirectable = references.filter(
      ({ how, confidence }) => how !== 'operator-rule' && how !== 'declared' && confidence !== 'possible',
    );
    const templates = async () => templateSources(await renderer.sourceFiles());
    const common = { base, locations: redirectable, target: ANY_TARGET, render, templates, keepsEmptyLeaves };
    const recipe = await deriveRecipe({ ...common, initial: initialProbe });
    recipes.push(toStoredRecipe(recipe, profile.options.isUpgrade === true));
  }
  return recipes;
}
