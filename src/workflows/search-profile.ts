import type { Emit } from '../base/events.ts';
import type { PlaceFound } from '../discovery/index.ts';
import type { Renderer } from '../helm/render.ts';
import { chartFiles } from '../helm/templates.ts';
import { unlessRefused } from '../influence/accepted.ts';
import { withSwitches } from './network-switches.ts';
import { type Profile, type RenderFindings, type RenderSearch, searchRender } from './search-render.ts';
import { type Addition, searchWhatIf } from './what-if.ts';

export interface ProfileSearch extends RenderSearch {
  readonly emit: Emit;
  /** Whether components that are off are looked at too, for some more renders. */
  readonly whatIf: boolean;
  /** Whether each network need gets the values path that turns it off, for some more renders. */
  readonly switches: boolean;
}

/** What all renders of one profile show. */
export interface ProfileFindings extends RenderFindings {
  /** What components would add that are off. */
  readonly whatIf: readonly Addition[];
}

/**
 * Renders a chart as it is installed and, where its templates look at that, as it is upgraded, and with its optional
 * components switched on, where that is asked for.
 * @throws AirgapError what the install render failed of
 */
export async function searchProfile(
  renderer: Renderer,
  profile: Profile,
  search: ProfileSearch,
): Promise<ProfileFindings> {
  const { options } = profile;
  const base = await renderer.render(options);
  const install = await searchRender(renderer, base, profile, search);
  const traced = search.switches ? await withSwitches(renderer, options, base, install.network) : install.network;
  const upgrade = await searchUpgrade(renderer, profile, search);
  const both = upgrade === undefined ? install : union(install, upgrade);
  return {
    ...both,
    network: [...traced, ...both.network.slice(install.network.length)],
    whatIf: search.whatIf ? await searchWhatIf(renderer, base, profile, search, both) : [],
  };
}

/**
 * The same profile as `helm upgrade` renders it; undefined when no template asks, or when it is decided already.
 */
export async function upgradeOf({ chart }: Renderer, { name, options }: Profile): Promise<Profile | undefined> {
  if (options.isUpgrade !== undefined) return undefined;
  const templates = await chartFiles(chart.folder, /(?:^|\/)templates\//);
  if (![...templates.values()].some((text) => /\.Is(?:Upgrade|Install)\b/.test(text))) return undefined;
  return { name: `${name} (upgrade)`, options: { ...options, isUpgrade: true } };
}

/**
 * A chart that refuses to be upgraded (Bitnami's want the passwords of before) is told, and no reason to fail: the
 * install is what was asked for.
 */
async function searchUpgrade(
  renderer: Renderer,
  profile: Profile,
  search: ProfileSearch,
): Promise<RenderFindings | undefined> {
  const { metadata } = renderer.chart;
  const upgrade = await upgradeOf(renderer, profile);
  if (upgrade === undefined) return undefined;
  const attempt = await unlessRefused(renderer.render(upgrade.options));
  if ('result' in attempt) return searchRender(renderer, attempt.result, upgrade, { ...search, traced: false });
  const chart = `chart ${metadata.name} ${metadata.version}`;
  const message = `${chart} does not render as an upgrade, so what only upgrades pull is not known: ${attempt.refusal.message}`;
  search.emit({ type: 'warning', message });
  return undefined;
}

/** What the upgrade shows and the install does not is for upgrades alone. */
function union(install: RenderFindings, upgrade: RenderFindings): RenderFindings {
  const places = new Set(install.places.map(identityOf));
  const nested = new Set(install.nested.map((chart) => JSON.stringify(chart)));
  const urls = new Set(install.network.map(({ url }) => url));
  const more = upgrade.places
    .filter((place) => !places.has(identityOf(place)))
    .map((place): PlaceFound => {
      const isNeeded = place.need === 'install' || place.need === 'operand';
      return isNeeded ? { ...place, need: 'lifecycle' } : place;
    });
  return {
    places: [...install.places, ...more],
    nested: [...install.nested, ...upgrade.nested.filter((chart) => !nested.has(JSON.stringify(chart)))],
    network: [...install.network, ...upgrade.network.filter(({ url }) => !urls.has(url))],
  };
}

/** Positions of documents differ between the two renders; objects, fields and what stands there do not. */
function identityOf({ template, kind, name, path, within, reference, how }: PlaceFound): string {
  return JSON.stringify([template, kind, name, path, within, reference, how]);
}
