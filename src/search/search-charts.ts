import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { asAirgapError, combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { NetworkNeed } from '../discovery/network/index.ts';
import type { OperatorContainer } from '../discovery/rules/index.ts';
import type { ChartRequest } from '../helm/access.ts';
import { fetchChart } from '../helm/fetch.ts';
import type { Helm } from '../helm/helm.ts';
import { Renderer } from '../helm/render.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { StoredRecipe } from '../inventory/recipe.ts';
import type { NotKnown } from '../inventory/state.ts';
import type { Context } from '../session/context.ts';
import { type NestedChartJob, searchNested } from './nested.ts';
import { searchManifests } from './search-manifests.ts';
import { searchProfile } from './search-profile.ts';
import type { Profile, SearchOptions } from './search-render.ts';
import type { SearchedChart, SearchResult } from './search-result.ts';
import { ValuesTrace } from './values-trace.ts';
import type { Addition } from './what-if.ts';

export interface ChartJob {
  readonly request: ChartRequest;
  /** At least one. */
  readonly profiles: readonly Profile[];
}

/**
 * Fetches and renders every chart with every profile, and reads the manifests of the options; then their nested charts.
 * Collects the references. All charts are tried. Failures of named charts and manifests are thrown together; failures of
 * nested charts are returned with the results.
 * @param scratch folder for downloads and renders
 * @throws AirgapError the failures of named charts and manifests
 */
export async function searchCharts(
  context: Context,
  helm: Helm,
  jobs: readonly ChartJob[],
  scratch: string,
  options: SearchOptions = {},
): Promise<SearchResult> {
  const sources = options.manifests ?? [];
  const outcomes = await settle(jobs, availableParallelism(), (job, i) =>
    searchChart(context, helm, job, join(scratch, String(i)), options),
  );
  const manifestOutcomes = await settle(sources, 1, (source) => searchManifests(context, source, options));
  const errors = [...outcomes, ...manifestOutcomes].flatMap((outcome) =>
    'error' in outcome ? [asAirgapError(outcome.error)] : [],
  );
  if (errors.length > 0) {
    const what = sources.length === 0 ? 'charts' : 'charts and manifests';
    throw combine(errors, `${errors.length} of ${jobs.length + sources.length} ${what} could not be searched`);
  }
  const results = outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
  const manifestResults = manifestOutcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
  const named = results.map(({ searched }) => searched);
  const manifests = manifestResults.map(({ searched }) => searched);
  const nestedJobs =
    options.nestedCharts === false ? [] : [...results, ...manifestResults].flatMap((result) => result.nestedJobs);
  if (nestedJobs.length === 0) return { charts: named, manifests, failures: [], excluded: [], askedHosts: [] };
  const nested = await searchNested({ context, helm, folder: join(scratch, 'nested'), options }, nestedJobs, named);
  return { ...nested, manifests };
}

async function searchChart(
  context: Context,
  helm: Helm,
  { request, profiles }: ChartJob,
  folder: string,
  options: SearchOptions,
): Promise<{ searched: SearchedChart; nestedJobs: NestedChartJob[] }> {
  const chart = await fetchChart(helm, request, folder, context.cwd, options.chartSources);
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const references: LocatedReference[] = [];
  const network: NetworkNeed[] = [];
  const notKnown: NotKnown[] = [];
  const whatIf: Addition[] = [];
  const operators: OperatorContainer[] = [];
  const recipes = new Map<string, readonly StoredRecipe[]>();
  const nestedJobs: NestedChartJob[] = [];
  for (const profile of profiles) {
    const found = await searchProfile(renderer, profile, options, context.emit);
    references.push(...found.references);
    network.push(...found.network);
    notKnown.push(...found.notKnown);
    whatIf.push(...found.whatIf);
    operators.push(...found.operators);
    recipes.set(profile.name, found.recipes);
    const trace =
      found.nested.length === 0
        ? undefined
        : await ValuesTrace.of(
            renderer,
            profile.options,
            join(folder, `trace-${profiles.indexOf(profile)}`),
            context.cwd,
          );
    nestedJobs.push(...found.nested.map((nested) => ({ nested, profile, parents: [chart], trace })));
  }
  return { searched: { chart, profiles, references, network, notKnown, whatIf, operators, recipes }, nestedJobs };
}
