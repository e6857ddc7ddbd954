import { availableParallelism } from 'node:os';
import type { AirgapError } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { wildcard } from '../../base/wildcard.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import type { NestedChart } from '../../discovery/nested/index.ts';
import type { NetworkNeed } from '../../discovery/network/index.ts';
import type { OperatorContainer } from '../../discovery/operators.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import type { Chart } from '../../helm/fetch.ts';
import type { Helm } from '../../helm/helm.ts';
import type { StoredRecipe } from '../../lock/recipe.ts';
import type { Context } from '../context.ts';
import type { Pattern } from './choice.ts';
import type { Search, SearchedChart } from './discover.ts';
import { failureOf, parentOf, titleOf, tooDeep } from './nested-failures.ts';
import { NestedHosts } from './nested-hosts.ts';
import { installOf, NestedRenders } from './nested-renders.ts';
import type { ProfileSearch } from './search-profile.ts';
import type { Profile } from './search-render.ts';
import { ValuesTrace } from './values-trace.ts';
import type { Addition } from './what-if.ts';

/** A nested chart to search, and its parents. */
export interface Wanted {
  readonly nested: NestedChart;
  /** Profile of the outermost chart: its name, and the Kubernetes version. */
  readonly profile: Profile;
  /** Parent charts, outermost first; at least one. */
  readonly parents: readonly Chart[];
  /** Trace of the user's values, if the declaration may contain them. */
  readonly trace?: ValuesTrace | undefined;
}

export interface NestedSearch extends ProfileSearch {
  readonly context: Context;
  readonly helm: Helm;
  /** Folder for downloads and renders. */
  readonly folder: string;
  readonly sources: ChartSources;
  /** Names to exclude. */
  readonly exclude: readonly Pattern[];
}

/**
 * Maximum nesting. An app of apps of apps has three levels; deeper nesting is most likely a chart that installs itself.
 */
const DEPTH = 4;
/** Each render is a separate process, and Helm itself is multi-threaded. */
const AT_ONCE = Math.min(2, availableParallelism());

/**
 * Searches nested charts recursively, each distinct install once. The values from its parent determine the results of a
 * chart; images with other values are only possible (see {@link NestedRenders}).
 * @param named charts of the user; a nested chart with the same name and version is merged into them
 */
export async function searchNested(
  search: NestedSearch,
  wanted: readonly Wanted[],
  named: readonly SearchedChart[],
): Promise<Search> {
  const renders = new NestedRenders(search);
  const hosts = new NestedHosts(search.sources, search.context.emit);
  const isExcluded = anyOf(search.exclude);
  const charts = new Map(named.map((searched) => [identityOf(searched.chart), searched]));
  const failures = new Map<string, AirgapError>();
  const fail = (error: AirgapError): void => void failures.set(error.message, error);
  const seen = new Set<string>();
  const excluded = new Set<string>();
  let level = wanted;
  for (let depth = 1; level.length > 0; depth++) {
    const fresh = level.filter(({ nested, profile }) => {
      const key = `${profile.name} ${installOf(nested, profile.options)}`;
      if (isExcluded(nested.name)) excluded.add(nested.name);
      if (isExcluded(nested.name) || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
    if (depth > DEPTH) {
      for (const one of fresh) fail(tooDeep(one, DEPTH));
      break;
    }
    const outcomes = await settle(fresh, AT_ONCE, (one) => searchOne(search, renders, hosts, one));
    const next: Wanted[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const one = fresh[i] as Wanted;
      if ('value' in outcome) {
        const { chart, nested, trace } = outcome.value;
        add(charts, one, outcome.value);
        next.push(...nested.map((inner) => ({ ...one, nested: inner, trace, parents: [...one.parents, chart] })));
      } else fail(failureOf(one, outcome.error));
    }
    level = next;
  }
  const asked = hosts.askedHosts();
  return { charts: [...charts.values()], failures: [...failures.values()], excluded: [...excluded], asked };
}

/** Results of one nested chart. */
interface Outcome {
  readonly chart: Chart;
  readonly places: readonly PlaceFound[];
  readonly network: readonly NetworkNeed[];
  readonly nested: readonly NestedChart[];
  readonly whatIf: readonly Addition[];
  readonly operators: readonly OperatorContainer[];
  readonly recipes: readonly StoredRecipe[];
  readonly trace: ValuesTrace | undefined;
}

async function searchOne(
  { context }: NestedSearch,
  renders: NestedRenders,
  hosts: NestedHosts,
  wanted: Wanted,
): Promise<Outcome> {
  const { nested, profile, parents } = wanted;
  context.emit({ type: 'stage', message: `rendering ${titleOf(nested)} (by ${parentOf(wanted)})` });
  const allow = hosts.allow(nested, parentOf(wanted), wanted.trace);
  const { chart, inner, unseen, renderer, options, ...found } = await renders.search(
    nested,
    profile,
    parents.at(-1) as Chart,
    allow,
  );
  const isReached = inner.length > 0 && (await wanted.trace?.reaches(nested)) === true;
  const trace = isReached ? ValuesTrace.within(renderer, options, wanted.trace?.hosts ?? new Set()) : undefined;
  for (const what of unseen) {
    const message = `chart ${titleOf(nested)} receives values that the render of ${parentOf(wanted)} does not contain: ${what}`;
    context.emit({ type: 'warning', message });
  }
  const via = parents.map(({ metadata }) => metadata.name);
  const places = found.places.map((place) => ({ ...place, via }));
  const whatIf = found.whatIf.map((addition) => ({ ...addition, place: { ...addition.place, via } }));
  const operators = found.operators.map((operator) => ({ ...operator, place: { ...operator.place, via } }));
  return { ...found, chart, places, whatIf, operators, nested: inner, trace };
}

/**
 * Adds the results of a nested chart. A bundle contains each name and version once, so results with other values or
 * from another parent are merged.
 */
function add(
  charts: Map<string, SearchedChart>,
  { nested, profile, parents }: Wanted,
  { chart, places, network, whatIf, operators, recipes }: Outcome,
): void {
  const key = identityOf(chart);
  const there = charts.get(key);
  if (there === undefined) {
    const via = { ...nested.via, chart: (parents.at(-1) as Chart).metadata.name };
    charts.set(key, {
      chart,
      profiles: [profile],
      places,
      network,
      whatIf,
      operators,
      recipes: new Map([[profile.name, recipes]]),
      via,
    });
    return;
  }
  const isNew = !there.profiles.some(({ name }) => name === profile.name);
  charts.set(key, {
    ...there,
    profiles: isNew && there.via !== undefined ? [...there.profiles, profile] : there.profiles,
    places: [...there.places, ...places],
    network: [...there.network, ...network],
    whatIf: [...there.whatIf, ...whatIf],
    operators: [...there.operators, ...operators],
  });
}

function identityOf({ metadata }: Chart): string {
  return `${metadata.name} ${metadata.version}`;
}

/** Returns a test whether a name matches one of the patterns, with `*` as wildcard. */
function anyOf(patterns: readonly Pattern[]): (name: string) => boolean {
  const tests = patterns.map(({ pattern }) => wildcard(pattern));
  return (name) => tests.some((test) => test.test(name));
}
