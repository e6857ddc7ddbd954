import type { Inventory, InventoryImage } from '../../inventory/inventory.ts';
import { DEFAULT_NAMING, parseTarget, type Target } from '../../naming/naming.ts';
import { storedKey, valueCoverage } from '../../recipe/stored-recipe.ts';

type FoundLocation = InventoryImage['found'][number];

/**
 * How a location gets its private name, as far as a bundle knows: by values of the chart, by a setting of an operator, or by
 * none, so that a post-renderer or a changed chart has to. `unknown`: the bundle has no recipe for it.
 */
export type RedirectWay = 'values' | 'operator' | 'none' | 'unknown';

/** A chart and profile with a recipe, and the locations in its renders that need a private name. */
export interface ProfileCoverage {
  readonly chart: string;
  readonly version: string;
  readonly profile: string;
  readonly locations: number;
  /** Locations that no value redirects. */
  readonly unmapped: readonly { readonly template: string; readonly path: string; readonly written: string }[];
  /** Values whose change the chart refused. */
  readonly refused: readonly string[];
}

export interface OverrideCoverage {
  readonly profiles: readonly ProfileCoverage[];
  /** Number of chart profiles without a recipe: charts of a lock file, which are not rendered. */
  readonly unsearched: number;
  wayOf(location: FoundLocation): RedirectWay;
}

/** Any registry and prefix: what values can redirect hardly depends on it, and the proof is made for the real one. */
const ANY_TARGET: Target = parseTarget('registry.example/mirrored', DEFAULT_NAMING);

/** Solves the recipes of a bundle, without a render. Only `values` proves overrides, for a target and the site's values. */
export function overrideCoverage(inventory: Inventory): OverrideCoverage {
  const profiles: ProfileCoverage[] = [];
  const ways = new Map<string, 'values' | 'none'>();
  let unsearched = 0;
  for (const { name: chart, version, profiles: ofChart } of inventory.charts) {
    for (const { name: profile, recipes = [] } of ofChart) {
      const covered = recipes.flatMap((recipe) => valueCoverage(recipe, ANY_TARGET) ?? []);
      if (covered.length === 0 || covered.length < recipes.length) {
        unsearched += 1;
        continue;
      }
      const movable = new Map(covered.flatMap((each) => each.movable.map((place) => [storedKey(place), place])));
      const unmapped = new Map(covered.flatMap((each) => each.unmapped.map((place) => [storedKey(place), place])));
      for (const key of movable.keys()) {
        const location = profileKey(chart, profile, key);
        // Locations name no version: of two versions of a chart, the one that needs more counts.
        if (ways.get(location) !== 'none') ways.set(location, unmapped.has(key) ? 'none' : 'values');
      }
      profiles.push({
        ...{ chart, version, profile },
        locations: movable.size,
        unmapped: [...unmapped.values()].map(({ template, path, written }) => ({ template, path, written })),
        refused: [...new Set(recipes.flatMap(({ refused }) => refused))],
      });
    }
  }
  const wayOf = (location: FoundLocation): RedirectWay => {
    const way = ways.get(profileKey(location.chart, location.profile, storedKey(location)));
    const isSet = location.redirect !== undefined && location.redirect.kind !== 'none';
    if (way !== 'values' && isSet) return 'operator';
    return way ?? (location.redirect?.kind === 'none' ? 'none' : 'unknown');
  };
  return { profiles, unsearched, wayOf };
}

function profileKey(chart: string, profile: string, location: string): string {
  return JSON.stringify([chart, profile, location]);
}
