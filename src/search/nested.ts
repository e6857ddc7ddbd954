import { availableParallelism } from 'node:os';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import { wildcard } from '../base/wildcard.ts';
import type { NestedChart } from '../discovery/nested/index.ts';
import { UPSTREAM } from '../helm/chart-mirrors.ts';
import type { Chart } from '../helm/fetch.ts';
import { titleOf } from '../helm/fetch.ts';
import { NestedHosts } from './nested-hosts.ts';
import {
  installKey,
  type NestedFindings,
  type NestedParent,
  NestedRenders,
  type NestedSearch,
} from './nested-renders.ts';
import type { Profile } from './search-render.ts';
import type { SearchedChart, SearchResult } from './search-result.ts';
import type { Pattern } from './selection.ts';
import { ValuesTrace } from './values-trace.ts';

/** A nested chart to search, and its parents. */
export interface NestedChartJob {
  readonly nested: NestedChart;
  /** Profile of the outermost chart: its name, and the Kubernetes version. */
  readonly profile: Profile;
  /** Parent charts or manifests, outermost first; at least one. */
  readonly parents: readonly NestedParent[];
  /** Trace of the user's values, if the declaration may contain them. */
  readonly trace?: ValuesTrace | undefined;
}

/**
 * Maximum nesting. An app of apps of apps has three levels; deeper nesting is most likely a chart that installs itself.
 */
const MAX_DEPTH = 4;
/** Each render is a separate process, and Helm itself is multi-threaded. */
const CONCURRENCY = Math.min(2, availableParallelism());

/**
 * Searches nested charts recursively, each distinct install once. The values from its parent determine the results of a
 * chart; images with other values are only possible (see {@link NestedRenders}).
 * @param named charts of the user; a nested chart with the same name and version is merged into them
 */
export async function searchNested(
  search: NestedSearch,
  jobs: readonly NestedChartJob[],
  named: readonly SearchedChart[],
): Promise<Omit<SearchResult, 'manifests'>> {
  const renders = new NestedRenders(search);
  const hosts = new NestedHosts(search.options.chartSources ?? UPSTREAM, search.context.emit);
  const isExcluded = matchesAny(search.options.exclude ?? []);
  const charts = new Map(named.map((searched) => [chartKey(searched.chart), searched]));
  const failures = new Map<string, AirgapError>();
  const addFailure = (error: AirgapError): void => void failures.set(error.message, error);
  const seen = new Set<string>();
  const excluded = new Set<string>();
  let level = jobs;
  for (let depth = 1; level.length > 0; depth++) {
    const newJobs = level.filter(({ nested, profile }) => {
      const key = `${profile.name} ${installKey(nested, profile.options)}`;
      if (isExcluded(nested.name)) excluded.add(nested.name);
      if (isExcluded(nested.name) || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
    if (depth > MAX_DEPTH) {
      for (const job of newJobs) addFailure(tooDeepFailure(job, MAX_DEPTH));
      break;
    }
    const outcomes = await settle(newJobs, CONCURRENCY, (job) => searchNestedChart(search, renders, hosts, job));
    const next: NestedChartJob[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const job = newJobs[i] as NestedChartJob;
      if ('value' in outcome) {
        const { chart, nested, trace } = outcome.value;
        addOutcome(charts, job, outcome.value);
        next.push(...nested.map((inner) => ({ ...job, nested: inner, trace, parents: [...job.parents, chart] })));
      } else addFailure(nestedFailure(job, outcome.error));
    }
    level = next;
  }
  const askedHosts = hosts.askedHosts();
  return { charts: [...charts.values()], failures: [...failures.values()], excluded: [...excluded], askedHosts };
}

/** Results of one nested chart. */
interface NestedOutcome
  extends Pick<NestedFindings, 'chart' | 'references' | 'network' | 'notKnown' | 'whatIf' | 'operators' | 'recipes'> {
  readonly nested: readonly NestedChart[];
  readonly trace: ValuesTrace | undefined;
}

async function searchNestedChart(
  { context }: NestedSearch,
  renders: NestedRenders,
  hosts: NestedHosts,
  job: NestedChartJob,
): Promise<NestedOutcome> {
  const { nested, profile, parents } = job;
  const allow = hosts.allow(nested, parentName(job), job.trace);
  const { chart, inner, unresolved, renderer, options, ...found } = await renders.search(
    nested,
    profile,
    parents.at(-1) as NestedParent,
    allow,
  );
  const isReached = inner.length > 0 && (await isReachedByValues(job, context.emit));
  const trace = isReached ? ValuesTrace.within(renderer, options, job.trace?.hosts ?? new Set()) : undefined;
  for (const source of unresolved) {
    const message = `chart ${chartTitle(nested)} receives values that the render of ${parentName(job)} does not contain: ${source}`;
    context.emit({ type: 'warning', message });
  }
  const via = parents.map(({ metadata }) => metadata.name);
  const references = found.references.map((reference) => ({ ...reference, via }));
  const whatIf = found.whatIf.map((addition) => ({ ...addition, reference: { ...addition.reference, via } }));
  const operators = found.operators.map((operator) => ({ ...operator, reference: { ...operator.reference, via } }));
  return { ...found, chart, references, whatIf, operators, nested: inner, trace };
}

/** Reports whether values of the user reach a nested chart. Takes two renders of the parent on first use. */
async function isReachedByValues({ nested, trace, parents }: NestedChartJob, emit: Emit): Promise<boolean> {
  if (trace === undefined) return false;
  return runStep(emit, `tracing your values in ${titleOf(parents.at(-1) as NestedParent)}`, () =>
    trace.reaches(nested),
  );
}

/**
 * Adds the results of a nested chart. A bundle contains each name and version once, so results with other values or
 * from another parent are merged.
 */
function addOutcome(
  charts: Map<string, SearchedChart>,
  { nested, profile, parents }: NestedChartJob,
  { chart, references, network, notKnown, whatIf, operators, recipes }: NestedOutcome,
): void {
  const key = chartKey(chart);
  const existing = charts.get(key);
  if (existing === undefined) {
    const via = { ...nested.via, chart: (parents.at(-1) as NestedParent).metadata.name };
    charts.set(key, {
      chart,
      profiles: [profile],
      references,
      network,
      notKnown,
      whatIf,
      operators,
      recipes: new Map([[profile.name, recipes]]),
      via,
    });
    return;
  }
  const isNew = !existing.profiles.some(({ name }) => name === profile.name);
  charts.set(key, {
    ...existing,
    profiles: isNew && existing.via !== undefined ? [...existing.profiles, profile] : existing.profiles,
    references: [...existing.references, ...references],
    network: [...existing.network, ...network],
    notKnown: [...existing.notKnown, ...notKnown],
    whatIf: [...existing.whatIf, ...whatIf],
    operators: [...existing.operators, ...operators],
  });
}

function chartKey({ metadata }: Chart): string {
  return `${metadata.name} ${metadata.version}`;
}

/** Returns a test for names that match one of the patterns, with `*` as wildcard. */
function matchesAny(patterns: readonly Pattern[]): (name: string) => boolean {
  const tests = patterns.map(({ pattern }) => wildcard(pattern));
  return (name) => tests.some((nameTest) => nameTest.test(name));
}

/** Name and version of a nested chart, for messages. */
function chartTitle({ name, version }: NestedChart): string {
  return `${name} ${version}`.trim();
}

/** Name of the parent chart. */
function parentName({ parents }: NestedChartJob): string {
  return parents.at(-1)?.metadata.name ?? '';
}

/** Error of a nested chart that could not be searched, with its parent chart and a hint. */
function nestedFailure(job: NestedChartJob, error: unknown): AirgapError {
  if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
  const { nested } = job;
  const excludeHint = `--exclude '${nested.name}' skips the chart`;
  const isFetched = error.code === 'chart-render' || error.code === 'chart-invalid';
  const mirrorHint = `--chart-mirror '${nested.repository || '*'}=URL-or-FOLDER' reads it from another location`;
  const isForbidden = error.code === 'forbidden';
  const hint = isFetched || isForbidden ? [error.hint, excludeHint] : [mirrorHint, excludeHint];
  return error.with({ subject: failureText(job), hint: hint.filter((part) => part !== undefined).join('; ') });
}

/** Error of a nested chart below the maximum depth. */
function tooDeepFailure(job: NestedChartJob, depth: number): AirgapError {
  const chain = job.parents.map(({ metadata }) => metadata.name).join(' > ');
  return new AirgapError(
    'unsupported',
    `chart ${chartTitle(job.nested)} is nested deeper than ${depth} charts: ${chain}`,
    {
      hint: `pass it as a chart of its own, or skip it with --exclude '${job.nested.name}'`,
    },
  );
}

function failureText(job: NestedChartJob): string {
  const { nested } = job;
  const { kind, name } = nested.via;
  const from = nested.repository === '' ? '' : ` from ${nested.repository}`;
  return `nested chart ${chartTitle(nested)}${from}, declared by ${parentName(job)} (${kind}/${name}), could not be searched`;
}
