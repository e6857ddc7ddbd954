import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { valueAt } from '../base/field-path.ts';
import { isMapping, overlayValues } from '../base/mapping.ts';
import { runStep } from '../base/step.ts';
import { type NestedChart, parseValues } from '../discovery/nested/index.ts';
import { readChartFiles } from '../helm/chart-files.ts';
import { type AllowAddress, type Chart, fetchChart, titleOf } from '../helm/fetch.ts';
import type { Helm } from '../helm/helm.ts';
import { Renderer, type RenderOptions } from '../helm/render.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { Context } from '../session/context.ts';
import { installOptions, requestOf } from './nested-install.ts';
import { type ProfileFindings, searchProfile } from './search-profile.ts';
import type { SearchOptions } from './search-render.ts';
import { type Profile, type RenderFindings, searchRender } from './search-render.ts';

/** Search of nested charts. */
export interface NestedSearch {
  readonly context: Context;
  readonly helm: Helm;
  /** Folder for downloads and renders. */
  readonly folder: string;
  readonly options: SearchOptions;
}

/** What declares nested charts: a chart, or manifests, which have no archive. */
export interface NestedParent {
  readonly metadata: Pick<Chart['metadata'], 'name' | 'version'>;
  readonly archive?: string;
}

/** Results of a nested chart. */
export interface NestedFindings
  extends Pick<ProfileFindings, 'references' | 'network' | 'notKnown' | 'whatIf' | 'operators' | 'recipes'> {
  readonly chart: Chart;
  /** Charts that it installs itself. */
  readonly inner: readonly NestedChart[];
  /** Descriptions of values that it receives and that are not available. */
  readonly unresolved: readonly string[];
  readonly renderer: Renderer;
  /** Render options with the values from the parent. */
  readonly options: RenderOptions;
}

/** Fetches each nested chart once, and renders each distinct install once. */
export class NestedRenders {
  readonly #search: NestedSearch;
  readonly #charts = new Map<string, Promise<Renderer>>();
  readonly #installs = new Map<string, Promise<ProfileFindings & { readonly firstProfile: string }>>();
  readonly #alternatives = new Map<string, Promise<RenderFindings>>();
  #files = 0;

  constructor(search: NestedSearch) {
    this.#search = search;
  }

  /**
   * Renders a chart with the values from its parent, with its own defaults, and with the parent's alternative values
   * files. The first render is authoritative; images that only the others contain are `possible` and `optional`,
   * because this install does not pull them.
   * @throws AirgapError if the chart cannot be fetched or its first render fails
   */
  async search(
    nested: NestedChart,
    profile: Profile,
    parent: NestedParent,
    allow: AllowAddress,
  ): Promise<NestedFindings> {
    const renderer = await this.#rendererOf(nested, allow);
    const unresolved = [...(nested.unresolved ?? [])];
    const options = await this.#optionsOf(nested, profile, renderer.chart, unresolved);
    const { firstProfile, whatIf, operators, recipes, network, notKnown, ...install } = await this.#install(
      nested,
      renderer,
      {
        name: profile.name,
        options,
      },
    );
    // Results are cached under the name of the first profile, which may have a suffix for an upgrade.
    const references = install.references.map((reference) => ({
      ...reference,
      profile: profile.name + reference.profile.slice(firstProfile.length),
    }));
    const known = new Set(references.map(({ reference }) => reference));
    for (const { title, nested: alternative } of await alternativesOf(nested, parent)) {
      const name = `${profile.name} (${title})`;
      const alternativeOptions = await this.#optionsOf(alternative, profile, renderer.chart, []);
      for (const reference of await this.#possible(alternative, renderer, { name, options: alternativeOptions })) {
        if (!known.has(reference.reference)) references.push({ ...reference, profile: name });
      }
    }
    const found = { references, network, notKnown, inner: install.nested, whatIf, operators, recipes, unresolved };
    return { chart: renderer.chart, renderer, options, ...found };
  }

  #rendererOf(nested: NestedChart, allow: AllowAddress): Promise<Renderer> {
    const { name, version, repository, digest, url, content } = nested;
    const key = JSON.stringify([name, version, repository, digest, url, content]);
    const found =
      this.#charts.get(key) ?? this.#fetch(nested, join(this.#search.folder, String(this.#charts.size)), allow);
    this.#charts.set(key, found);
    return found;
  }

  async #fetch(nested: NestedChart, folder: string, allow: AllowAddress): Promise<Renderer> {
    const { helm, context, options } = this.#search;
    const request = await requestOf(nested, folder, options.chartSources?.caFile);
    const chart = await fetchChart(helm, request, folder, context.cwd, options.chartSources, allow);
    return new Renderer(helm, chart, join(folder, 'render'));
  }

  #install(
    nested: NestedChart,
    renderer: Renderer,
    profile: Profile,
  ): Promise<ProfileFindings & { firstProfile: string }> {
    const key = installKey(nested, profile.options);
    const search = async (): Promise<ProfileFindings & { firstProfile: string }> => ({
      ...(await searchProfile(renderer, profile, this.#search.options, this.#search.context.emit)),
      firstProfile: profile.name,
    });
    const found = this.#installs.get(key) ?? search();
    this.#installs.set(key, found);
    return found;
  }

  #alternative(nested: NestedChart, renderer: Renderer, profile: Profile): Promise<RenderFindings> {
    const key = installKey(nested, profile.options);
    const { rules } = this.#search.options;
    const title = `rendering ${titleOf(renderer.chart)} with other values`;
    const search = (): Promise<RenderFindings> =>
      runStep(this.#search.context.emit, title, async () =>
        searchRender(renderer, await renderer.render(profile.options), profile, { rules }, false),
      );
    const found = this.#alternatives.get(key) ?? search();
    this.#alternatives.set(key, found);
    return found;
  }

  /** Alternative values may not fit the chart: failed renders add nothing. */
  async #possible(nested: NestedChart, renderer: Renderer, profile: Profile): Promise<LocatedReference[]> {
    try {
      const { references } = await this.#alternative(nested, renderer, profile);
      return references.map((reference) => ({ ...reference, confidence: 'possible', need: 'optional' }));
    } catch (error) {
      if (error instanceof AirgapError && error.code !== 'interrupted') return [];
      throw error;
    }
  }

  #optionsOf(nested: NestedChart, profile: Profile, chart: Chart, unresolved: string[]): Promise<RenderOptions> {
    const file = join(this.#search.folder, `values-${this.#files++}.json`);
    return installOptions(nested, profile.options, chart, file, unresolved);
  }
}

/**
 * Key of an install: the chart, its values and the Kubernetes version determine its images; release name and namespace
 * do not.
 */
export function installKey(nested: NestedChart, options: RenderOptions): string {
  const { name, version, repository, digest, url, content, values, valuesFiles, set, setString } = nested;
  const { kubeVersion, apiVersions, isUpgrade, skipSchemaValidation } = options;
  const chart = [name, version, repository, digest, url, content, values, valuesFiles, set, setString];
  return JSON.stringify([...chart, kubeVersion, apiVersions, isUpgrade, skipSchemaValidation]);
}

const ALTERNATIVES = /^values(?!.*schema).+\.ya?ml$/;

/** The same nested chart with other values. */
interface Alternative {
  /** Source of the values, for messages. */
  readonly title: string;
  readonly nested: NestedChart;
}

/**
 * Returns other values with which a nested chart may be installed: its own defaults, and those of alternative values
 * files of the parent chart (`valuesEks.yaml`, `values-prod.yaml`), without duplicates.
 *
 * Only the entry that declares the chart is read from such a file, on top of the same entry in the current values. It
 * does not enable further charts and does not change the version: a user who installs with that file also renders with
 * it (`-f`), and then gets all of it. Files with variables of another program (`${NAME}`) in the entry are templates
 * and are skipped.
 */
async function alternativesOf(nested: NestedChart, { archive }: NestedParent): Promise<Alternative[]> {
  const { valuesFiles: _files, set: _set, setString: _strings, ...plain } = nested;
  const alternatives = [{ title: 'chart defaults', nested: { ...plain, values: {} } }];
  const keys = nested.via.values;
  if (keys !== undefined && archive !== undefined) {
    for (const [file, text] of [...(await readChartFiles(archive, ALTERNATIVES))].sort()) {
      const values = parseValues(text) ?? {};
      const entry = valueAt(values, keys);
      const given = isMapping(entry) ? entry.values : undefined;
      if (!isMapping(given) || JSON.stringify(given).includes('${')) continue;
      alternatives.push({ title: file, nested: { ...nested, values: overlayValues(nested.values, given) } });
    }
  }
  const seen = new Set([installIdentity(nested)]);
  return alternatives.filter((alternative) => {
    const identity = installIdentity(alternative.nested);
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}

function installIdentity({ values, valuesFiles = [], set = [], setString = [] }: NestedChart): string {
  return JSON.stringify([values, valuesFiles, set, setString]);
}
