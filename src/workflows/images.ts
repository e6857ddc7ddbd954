import { AirgapError, combine } from '../base/errors.ts';
import { type PlaceFound, toFindings } from '../discovery/index.ts';
import type { NetworkNeed } from '../discovery/network/index.ts';
import type { Rule } from '../discovery/rules/index.ts';
import type { ChartSources } from '../helm/chart-mirrors.ts';
import { Helm } from '../helm/helm.ts';
import type { Finding } from '../lock/finding.ts';
import { formatReference, formatRepository, tryParseReference } from '../oci/reference.ts';
import { type Context, withScratch } from './context.ts';
import { type ChartJob, type Search, type SearchedChart, searchCharts } from './discover.ts';
import { wildcard } from './pattern.ts';

export interface ImagesOptions {
  readonly charts: readonly ChartJob[];
  /** References to add by name. */
  readonly add: readonly string[];
  /** Patterns of references, and of names of nested charts, to leave out; `*` stands for anything. */
  readonly exclude: readonly string[];
  /** How chart repositories are reached; at their own addresses unless told. */
  readonly chartSources?: ChartSources;
  /** Whether charts within charts are searched too; they are, unless told. */
  readonly nestedCharts?: boolean;
  /** Operator rules besides the built-in ones. */
  readonly rules?: readonly Rule[];
}

export interface ImagesResult {
  readonly charts: readonly {
    readonly name: string;
    readonly version: string;
    readonly source: string;
    readonly profiles: readonly string[];
    /** Which chart brings it along, and where that is declared; for one that was not asked for by name. */
    readonly via?: SearchedChart['via'];
  }[];
  readonly images: readonly Finding[];
  /** What workloads fetch from the internet besides images when they run. */
  readonly network: readonly NetworkNeed[];
  /** Charts within charts that could not be searched, so that their images are missing. */
  readonly failures: readonly AirgapError[];
}

/** Which images the charts need, and where each stands. */
export function images(context: Context, options: ImagesOptions): Promise<ImagesResult> {
  return withScratch(context, async (scratch) => {
    const { charts, failures } = await search(context, options, scratch);
    return { charts: charts.map(summary), images: findingsOf(charts, options), network: networkOf(charts), failures };
  });
}

/** Searches what the options name; without charts it needs no Helm. */
export async function search(context: Context, options: ImagesOptions, scratch: string): Promise<Search> {
  if (options.charts.length === 0) return { charts: [], failures: [] };
  return searchCharts(context, new Helm(context), options.charts, scratch, options);
}

function summary({ chart, profiles, via }: SearchedChart): ImagesResult['charts'][number] {
  const { name, version } = chart.metadata;
  const names = profiles.map((profile) => profile.name);
  return { name, version, source: chart.source, profiles: names, ...(via === undefined ? {} : { via }) };
}

/** One need for each address, with all its places. */
export function networkOf(charts: readonly SearchedChart[]): NetworkNeed[] {
  const needs = Map.groupBy(
    charts.flatMap(({ network }) => network),
    ({ url }) => url,
  );
  return [...needs.values()].flatMap((same) => {
    const [first] = same;
    return first === undefined ? [] : [{ ...first, found: same.flatMap(({ found }) => found) }];
  });
}

/**
 * Findings of all charts and the added references, without the excluded ones.
 * @throws AirgapError `reference-invalid` for added references that are none, all of them
 */
export function findingsOf(
  charts: readonly SearchedChart[],
  { add, exclude }: Pick<ImagesOptions, 'add' | 'exclude'>,
): Finding[] {
  const patterns = exclude.map(matcher);
  const places = [...charts.flatMap((chart) => chart.places), ...addedPlaces(add)];
  return toFindings(places.filter(({ reference }) => !patterns.some((matches) => matches(reference))));
}

function addedPlaces(add: readonly string[]): PlaceFound[] {
  const errors: AirgapError[] = [];
  const places = add.flatMap((written): PlaceFound[] => {
    const parsed = tryParseReference(written);
    if (parsed === undefined) {
      errors.push(
        new AirgapError('reference-invalid', `"${written}" is not an image reference`, {
          hint: 'write registry/repository:tag or registry/repository@sha256:…',
        }),
      );
      return [];
    }
    const nowhere = { chart: '', profile: '', template: '', document: 0, kind: '', name: '', path: '' };
    return [
      { ...nowhere, how: 'added', written, reference: formatReference(parsed), confidence: 'certain', need: 'install' },
    ];
  });
  if (errors.length > 0) throw combine(errors, `${errors.length} added images are no references`);
  return places;
}

/**
 * A pattern as a test on full references. `*` matches anything. A short name is Docker's (`nginx` is
 * `docker.io/library/nginx`); one without tag and digest matches every tag, one without digest every digest.
 */
function matcher(text: string): (reference: string) => boolean {
  const parsed = text.includes('*') ? undefined : tryParseReference(text);
  if (parsed === undefined) {
    const glob = wildcard(text);
    return (reference) => glob.test(reference) || glob.test(reference.replace(/^docker\.io\/(?:library\/)?/, ''));
  }
  const isTagged = /[:@]/.test(text.slice(text.lastIndexOf('/') + 1));
  const name = isTagged ? formatReference(parsed) : formatRepository(parsed);
  return (reference) =>
    reference === name || reference.startsWith(`${name}@`) || (!isTagged && reference.startsWith(`${name}:`));
}
