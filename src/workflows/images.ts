import { AirgapError, combine } from '../base/errors.ts';
import { type PlaceFound, toFindings } from '../discovery/index.ts';
import type { NetworkNeed, NetworkPlace } from '../discovery/network/index.ts';
import type { Rule } from '../discovery/rules/index.ts';
import type { ChartSources } from '../helm/chart-mirrors.ts';
import type { Choice } from '../lock/choice.ts';
import type { Finding } from '../lock/finding.ts';
import { formatReference, tryParseReference } from '../oci/reference.ts';
import { type Context, withScratch } from './context.ts';
import { apart, type Inside } from './inside/listed.ts';
import type { ProposedRule } from './inside/propose-rules.ts';
import type { InsideImage } from './inside/subject.ts';
import type { RegistryAccess } from './registry.ts';
import { type Choosing, choose } from './search/choice.ts';
import type { ChartJob, Search, SearchedChart } from './search/discover.ts';
import type { AskedHost } from './search/nested-hosts.ts';
import type { WhatIfFinding } from './search/what-if.ts';

export interface ImagesOptions extends Choosing {
  readonly charts: readonly ChartJob[];
  /** References to add by name. */
  readonly add: readonly string[];
  /** How chart repositories are reached; at their own addresses unless told. */
  readonly chartSources?: ChartSources;
  /** Whether charts within charts are searched too; they are, unless told. */
  readonly nestedCharts?: boolean;
  /** Operator rules besides the built-in ones. */
  readonly rules?: readonly Rule[];
  /** Whether components that are off are looked at too, for some more renders. */
  readonly whatIf?: boolean;
  /** Whether each network need gets the values path that turns it off, for some more renders. */
  readonly networkSwitches?: boolean;
  /** Whether it is found out how values put the references together, so that overrides need no probing later. */
  readonly recipes?: boolean;
  /** Whether containers that may create pods are looked for. */
  readonly operators?: boolean;
  /** How the images of operators are reached, to look into them. */
  readonly lookInside?: InsideOptions;
}

export interface InsideOptions {
  readonly access: RegistryAccess;
  /** Requests at the same time. */
  readonly concurrency: number;
  /** Whether what is surer than low is taken as found. */
  readonly include: boolean;
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
  /** What was chosen otherwise than it was found. */
  readonly choices: readonly Choice[];
  /** What components would add that are off; absent unless asked for. */
  readonly whatIf?: readonly WhatIfFinding[];
  /** What only the images of operators name, and rules that would say so; absent unless asked for. */
  readonly inside?: Inside;
  readonly proposed?: readonly ProposedRule[];
  /** Charts within charts that could not be searched, so that their images are missing. */
  readonly failures: readonly AirgapError[];
  /** Hosts that nobody but charts has named, and that were asked for charts; absent where there are none. */
  readonly askedHosts?: readonly AskedHost[];
}

/** What the images of operators name, and the same as places. */
interface Looked {
  readonly insides: readonly InsideImage[];
  readonly insidePlaces: readonly PlaceFound[];
}

/** Findings as they were chosen. */
interface Chosen {
  readonly findings: Finding[];
  readonly choices: readonly Choice[];
}

/** Which images the charts need, and where each stands. */
export function images(context: Context, options: ImagesOptions): Promise<ImagesResult> {
  return withScratch(context, async (scratch) => {
    const { charts, failures, asked, insides, findings: all, choices } = await searchChosen(context, options, scratch);
    const { findings, inside } = apart(all, insides ?? []);
    warnUnmatched(context, choices);
    const known = new Set(findings.map(({ reference }) => reference));
    const additions = charts.flatMap((chart) => chart.whatIf).filter(({ place }) => !known.has(place.reference));
    const whatIf = options.whatIf ? (await import('./search/what-if.ts')).whatIfFindings(additions) : undefined;
    const proposed = insides && (await import('./inside/propose-rules.ts')).proposeRules(inside, insides);
    return {
      charts: charts.map(summary),
      images: findings,
      network: networkOf(charts, options),
      choices,
      ...(whatIf === undefined ? {} : { whatIf }),
      ...(proposed === undefined ? {} : { inside, proposed }),
      failures,
      ...(asked.length === 0 ? {} : { askedHosts: asked }),
    };
  });
}

/** Everything that the options name, as it is chosen, with what the images of operators name where that is asked for. */
export async function searchChosen(
  context: Context,
  options: ImagesOptions,
  scratch: string,
): Promise<Search & Chosen & Partial<Looked>> {
  const searched = await search(context, options, scratch);
  const known = chosen(searched.charts, options, searched.excluded);
  if (options.lookInside === undefined) return { ...searched, ...known };
  const looked = await look(context, searched.charts, known.findings, { ...options.lookInside, folder: scratch });
  const all = [...searched.charts, { places: looked.insidePlaces }];
  return { ...searched, ...chosen(all, options, searched.excluded), ...looked };
}

/** Looks into the operators of charts, with a connection of its own. What speaks to registries is loaded only for that. */
async function look(
  context: Context,
  charts: readonly SearchedChart[],
  findings: readonly Finding[],
  { access, concurrency, include, folder }: InsideOptions & { readonly folder: string },
): Promise<Looked> {
  const [{ connect }, { lookInside }, { wanted }, { insidePlaces }] = await Promise.all([
    import('./registry.ts'),
    import('./inside/look-inside.ts'),
    import('./inside/subject.ts'),
    import('./inside/inside-places.ts'),
  ]);
  const { client } = connect(context, access);
  try {
    const insides = await lookInside(context, client, wanted(charts, findings), { folder, concurrency });
    return { insides, insidePlaces: insidePlaces(insides, include) };
  } finally {
    await client.close();
  }
}

/** Searches what the options name. Without charts it needs no Helm, and nothing that searches is loaded. */
export async function search(context: Context, options: ImagesOptions, scratch: string): Promise<Search> {
  if (options.charts.length === 0) return { charts: [], failures: [], excluded: [], asked: [] };
  const operators = options.operators ?? options.lookInside !== undefined;
  const [{ searchCharts }, { Helm }] = await Promise.all([import('./search/discover.ts'), import('../helm/helm.ts')]);
  return searchCharts(context, new Helm(context), options.charts, scratch, { ...options, operators });
}

function summary({ chart, profiles, via }: SearchedChart): ImagesResult['charts'][number] {
  const { name, version } = chart.metadata;
  const names = profiles.map((profile) => profile.name);
  return { name, version, source: chart.source, profiles: names, ...(via === undefined ? {} : { via }) };
}

/** One need for each address, with all its places; without those of hooks where hooks are not wanted. */
export function networkOf(
  charts: readonly SearchedChart[],
  { tests = true, hooks = true }: Pick<Choosing, 'tests' | 'hooks'>,
): NetworkNeed[] {
  const isWanted = ({ hook }: NetworkPlace): boolean =>
    hook === undefined || (hooks && (tests || !/(?:^|,)\s*test/.test(hook)));
  const needs = Map.groupBy(
    charts.flatMap(({ network }) => network),
    ({ url }) => url,
  );
  return [...needs.values()].flatMap((same) => {
    const [first] = same;
    const found = same.flatMap((need) => need.found).filter(isWanted);
    return first === undefined || found.length === 0 ? [] : [{ ...first, found }];
  });
}

/**
 * Findings of all charts and the added references, as they were chosen.
 * @param excluded names of nested charts that were left out
 * @throws AirgapError `reference-invalid` for added references that are none, all of them
 */
export function chosen(
  charts: readonly Pick<SearchedChart, 'places'>[],
  options: Choosing & Pick<ImagesOptions, 'add'>,
  excluded: readonly string[] = [],
): Chosen {
  const all = [...charts.flatMap((chart) => chart.places), ...addedPlaces(options.add)];
  const { places, choices } = choose(all, options, excluded);
  return { findings: toFindings(places), choices };
}

/** A pattern that fits nothing is most likely mistyped, and what it should have left out is carried along. */
export function warnUnmatched({ emit }: Context, choices: readonly Choice[]): void {
  for (const { rule, pattern, charts = [], references } of choices) {
    if (pattern === undefined || charts.length > 0 || references.length > 0) continue;
    emit({ type: 'warning', message: `--${rule} ${pattern} fits nothing that was found` });
  }
}

/**
 * References that are added by name, as places.
 * @throws AirgapError `reference-invalid`, all of them
 */
export function addedPlaces(add: readonly string[]): PlaceFound[] {
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
