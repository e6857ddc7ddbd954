import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import type { NestedChart } from '../../discovery/nested/index.ts';
import type { NetworkNeed } from '../../discovery/network/index.ts';
import type { OperatorContainer } from '../../discovery/operators.ts';
import { type AllowAddress, type Chart, fetchChart } from '../../helm/fetch.ts';
import { Renderer, type RenderOptions } from '../../helm/render.ts';
import type { StoredRecipe } from '../../lock/recipe.ts';
import type { NestedSearch } from './nested.ts';
import { alternativesOf } from './nested-alternatives.ts';
import { installOptions, requestOf } from './nested-install.ts';
import { type ProfileFindings, searchProfile } from './search-profile.ts';
import { type Profile, type RenderFindings, searchRender } from './search-render.ts';
import type { Addition } from './what-if.ts';

/** What a nested chart showed. */
export interface NestedFindings {
  readonly chart: Chart;
  readonly places: readonly PlaceFound[];
  readonly network: readonly NetworkNeed[];
  readonly inner: readonly NestedChart[];
  /** What its components would add that are off. */
  readonly whatIf: readonly Addition[];
  readonly operators: readonly OperatorContainer[];
  readonly recipes: readonly StoredRecipe[];
  /** Values that it gets and that could not be had, in words. */
  readonly unseen: readonly string[];
  readonly renderer: Renderer;
  /** How it is rendered with what its parent gives it. */
  readonly options: RenderOptions;
}

/** Fetches each nested chart once, however often it is asked for, and renders each distinct install once. */
export class NestedRenders {
  readonly #search: NestedSearch;
  readonly #charts = new Map<string, Promise<Renderer>>();
  readonly #found = new Map<string, Promise<ProfileFindings & { readonly by: string }>>();
  readonly #others = new Map<string, Promise<RenderFindings>>();
  #files = 0;

  constructor(search: NestedSearch) {
    this.#search = search;
  }

  /**
   * Renders a chart with the values that its parent gives it, with its own defaults, and with what other values files of
   * the parent give it. The first decides; an image that only the others show is `possible` and `optional`: an install
   * with other values would pull it, this one does not.
   * @throws AirgapError what fetching it or its first render failed of
   */
  async search(nested: NestedChart, profile: Profile, parent: Chart, allow: AllowAddress): Promise<NestedFindings> {
    const renderer = await this.#rendererOf(nested, allow);
    const unseen = [...(nested.unseen ?? [])];
    const options = await this.#optionsOf(nested, profile, renderer.chart, unseen);
    const { by, whatIf, operators, recipes, network, ...given } = await this.#given(nested, renderer, {
      name: profile.name,
      options,
    });
    // Found under the first profile that asked, with what it adds to the name for an upgrade.
    const places = given.places.map((place) => ({ ...place, profile: profile.name + place.profile.slice(by.length) }));
    const known = new Set(places.map(({ reference }) => reference));
    for (const { title, nested: other } of await alternativesOf(nested, parent)) {
      const name = `${profile.name} (${title})`;
      const otherwise = await this.#optionsOf(other, profile, renderer.chart, []);
      for (const place of await this.#possible(other, renderer, { name, options: otherwise })) {
        if (!known.has(place.reference)) places.push({ ...place, profile: name });
      }
    }
    const found = { places, network, inner: given.nested, whatIf, operators, recipes, unseen };
    return { chart: renderer.chart, renderer, options, ...found };
  }

  #rendererOf(nested: NestedChart, allow: AllowAddress): Promise<Renderer> {
    const { name, version, repository, url, content } = nested;
    const key = JSON.stringify([name, version, repository, url, content]);
    const found =
      this.#charts.get(key) ?? this.#fetch(nested, join(this.#search.folder, String(this.#charts.size)), allow);
    this.#charts.set(key, found);
    return found;
  }

  async #fetch(nested: NestedChart, folder: string, allow: AllowAddress): Promise<Renderer> {
    const { helm, context, sources } = this.#search;
    const request = await requestOf(nested, folder, sources.caFile);
    const chart = await fetchChart(helm, request, folder, context.cwd, sources, allow);
    return new Renderer(helm, chart, join(folder, 'render'));
  }

  #given(nested: NestedChart, renderer: Renderer, profile: Profile): Promise<ProfileFindings & { by: string }> {
    const key = installOf(nested, profile.options);
    const search = async (): Promise<ProfileFindings & { by: string }> => ({
      ...(await searchProfile(renderer, profile, this.#search)),
      by: profile.name,
    });
    const found = this.#found.get(key) ?? search();
    this.#found.set(key, found);
    return found;
  }

  #otherwise(nested: NestedChart, renderer: Renderer, profile: Profile): Promise<RenderFindings> {
    const key = installOf(nested, profile.options);
    const { rules } = this.#search;
    const search = async (): Promise<RenderFindings> =>
      searchRender(renderer, await renderer.render(profile.options), profile, { rules, traced: false });
    const found = this.#others.get(key) ?? search();
    this.#others.set(key, found);
    return found;
  }

  /** Other values need not fit the chart: what does not render adds nothing. */
  async #possible(nested: NestedChart, renderer: Renderer, profile: Profile): Promise<PlaceFound[]> {
    try {
      const { places } = await this.#otherwise(nested, renderer, profile);
      return places.map((place) => ({ ...place, confidence: 'possible', need: 'optional' }));
    } catch (error) {
      if (error instanceof AirgapError && error.code !== 'interrupted') return [];
      throw error;
    }
  }

  #optionsOf(nested: NestedChart, profile: Profile, chart: Chart, unseen: string[]): Promise<RenderOptions> {
    const file = join(this.#search.folder, `values-${this.#files++}.json`);
    return installOptions(nested, profile.options, chart, file, unseen);
  }
}

/** What decides the images of an install: the chart, its values and the Kubernetes, and not the names that it gets. */
export function installOf(nested: NestedChart, options: RenderOptions): string {
  const { name, version, repository, url, content, values, valuesFiles, set, setString } = nested;
  const { kubeVersion, apiVersions, isUpgrade, skipSchemaValidation } = options;
  const chart = [name, version, repository, url, content, values, valuesFiles, set, setString];
  return JSON.stringify([...chart, kubeVersion, apiVersions, isUpgrade, skipSchemaValidation]);
}
