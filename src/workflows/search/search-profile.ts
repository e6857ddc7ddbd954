import type { Emit } from '../../base/events.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import { checkImages, dubiousImages } from '../../discovery/recount.ts';
import { builtInRules, outsideNote, outsideTables } from '../../discovery/rules/index.ts';
import type { Renderer } from '../../helm/render.ts';
import { unlessRefused } from '../../influence/accepted.ts';
import type { StoredRecipe } from '../../lock/recipe.ts';
import { checkCrds } from './crds.ts';
import { withSwitches } from './network-switches.ts';
import { recipesOf } from './recipes.ts';
import { type Profile, type RenderFindings, type RenderSearch, searchRender } from './search-render.ts';
import { fresh, upgradeOf, type Variant } from './variants.ts';
import { type Addition, searchWhatIf } from './what-if.ts';

export interface ProfileSearch extends RenderSearch {
  readonly emit: Emit;
  /** Whether components that are off are looked at too, for some more renders. */
  readonly whatIf: boolean;
  /** Whether each network need gets the values path that turns it off, for some more renders. */
  readonly switches: boolean;
  /** Whether it is found out how values put the references together, so that overrides need no probing later. */
  readonly recipes: boolean;
}

/** What all renders of one profile show. */
export interface ProfileFindings extends RenderFindings {
  /** What components would add that are off. */
  readonly whatIf: readonly Addition[];
  /** How the references are put together; none unless asked for. */
  readonly recipes: readonly StoredRecipe[];
}

/** One render with what it shows. */
type Rendered = Variant & RenderFindings;

/**
 * Renders a chart as it is installed and, where its templates look at that, as it is upgraded, and with its optional
 * components switched on, where that is asked for.
 * @throws AirgapError what the install render failed of; `chart-invalid` for images of containers that are no references
 */
export async function searchProfile(
  renderer: Renderer,
  profile: Profile,
  search: ProfileSearch,
): Promise<ProfileFindings> {
  const { options } = profile;
  const base = await renderer.render(options);
  checkImages(base.documents);
  await checkCrds(renderer);
  for (const dubious of dubiousImages(base.documents)) search.emit({ type: 'warning', message: dubious });
  const install: Rendered = { profile, base, ...(await searchRender(renderer, base, profile, search)) };
  const { metadata } = renderer.chart;
  const rules = [...builtInRules, ...search.rules];
  const context = { chart: metadata.name, profile: profile.name };
  const input = { metadata, places: install.places, documents: base.documents, context };
  for (const outside of outsideTables(rules, input)) {
    search.emit({ type: 'warning', message: `chart ${metadata.name} ${metadata.version}: ${outsideNote(outside)}` });
  }
  const traced = search.switches ? await withSwitches(renderer, options, base, install.network) : install.network;
  const upgrade = await searchUpgrade(renderer, install, search);
  const both = union(install, upgrade);
  const variants = upgrade === undefined ? [install] : [install, upgrade];
  return {
    places: both.places,
    operators: both.operators,
    nested: both.nested,
    network: [...traced, ...both.network.slice(install.network.length)],
    recipes: search.recipes ? await recipesOf(renderer, variants) : [],
    whatIf: search.whatIf ? await searchWhatIf(renderer, base, profile, search, both) : [],
  };
}

/**
 * A chart that refuses to be upgraded (Bitnami's want the passwords of before) is told, and no reason to fail: the
 * install is what was asked for.
 */
async function searchUpgrade(
  renderer: Renderer,
  install: Rendered,
  search: ProfileSearch,
): Promise<Rendered | undefined> {
  const { metadata } = renderer.chart;
  const upgrade = await upgradeOf(renderer, install.profile);
  if (upgrade === undefined) return undefined;
  const attempt = await unlessRefused(renderer.render(upgrade.options));
  if ('result' in attempt) {
    const rendered = { profile: upgrade, base: attempt.result };
    checkImages(rendered.base.documents);
    const found = {
      ...rendered,
      ...(await searchRender(renderer, attempt.result, upgrade, { ...search, traced: false })),
    };
    // Tracing is a render more: only where the upgrade shows places of its own.
    if (!search.traced || fresh([install, found]).length < 2) return found;
    return { ...rendered, ...(await searchRender(renderer, attempt.result, upgrade, search)) };
  }
  const chart = `chart ${metadata.name} ${metadata.version}`;
  const message = `${chart} does not render as an upgrade, so what only upgrades pull is not known: ${attempt.refusal.message}`;
  search.emit({ type: 'warning', message });
  return undefined;
}

/** What the upgrade shows and the install does not is for upgrades alone. */
function union(install: Rendered, upgrade: Rendered | undefined): RenderFindings {
  if (upgrade === undefined) return install;
  const more = fresh([install, upgrade])[1]?.places ?? [];
  const nested = new Set(install.nested.map((chart) => JSON.stringify(chart)));
  const urls = new Set(install.network.map(({ url }) => url));
  const alone = more.map((place): PlaceFound => {
    const isNeeded = place.need === 'install' || place.need === 'operand';
    return isNeeded ? { ...place, need: 'lifecycle' } : place;
  });
  return {
    places: [...install.places, ...alone],
    operators: install.operators,
    nested: [...install.nested, ...upgrade.nested.filter((chart) => !nested.has(JSON.stringify(chart)))],
    network: [...install.network, ...upgrade.network.filter(({ url }) => !urls.has(url))],
  };
}
