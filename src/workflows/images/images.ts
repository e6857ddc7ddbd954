import { AirgapError, combine } from '../../base/errors.ts';
import { toFindings } from '../../discovery/index.ts';
import type { NetworkLocation, NetworkNeed } from '../../discovery/network/index.ts';
import type { Finding, LocatedReference } from '../../inventory/finding.ts';
import { countImages, type ImageCounts } from '../../inventory/image-counts.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type {
  ChartOperators,
  OperatorScanReport,
  OperatorScanResult,
  ProposedRule,
} from '../../operator-scan/index.ts';
import type { AskedHost } from '../../search/nested-hosts.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { SearchOptions } from '../../search/search-render.ts';
import type { SearchedChart, SearchResult } from '../../search/search-result.ts';
import { applySelection, type SelectionOptions } from '../../search/selection.ts';
import type { WhatIfFinding } from '../../search/what-if.ts';
import type { RegistryUse } from '../../session/connect.ts';
import { type Context, withScratch } from '../../session/context.ts';
import type { SelectedFindings } from './resolve.ts';

export interface ImagesOptions extends SearchOptions, SelectionOptions {
  readonly charts: readonly ChartJob[];
  /** References to add. */
  readonly add: readonly string[];
  /** References of running Pods (running.ts). */
  readonly running?: readonly LocatedReference[];
  /** References of exported image streams (workflows/image-streams/). */
  readonly imageStreams?: readonly LocatedReference[];
  /** Registry access for the operator image scan; no scan if absent. */
  readonly operatorScan?: OperatorScanSettings;
}

export interface OperatorScanSettings extends RegistryUse {
  /** Treats candidates above low confidence as found. */
  readonly include: boolean;
}

export interface ImagesResult {
  readonly charts: readonly {
    readonly name: string;
    readonly version: string;
    readonly source: string;
    readonly profiles: readonly string[];
    /** Parent chart and location of the declaration, for a nested chart. */
    readonly via?: SearchedChart['via'];
  }[];
  /** Names of the manifests and kustomizations; absent if there are none. */
  readonly manifests?: readonly string[];
  readonly images: readonly Finding[];
  readonly counts: ImageCounts;
  /** Content other than images that workloads fetch from the internet at run time. */
  readonly network: readonly NetworkNeed[];
  /** Selections that differ from what was found. */
  readonly choices: readonly SelectionRecord[];
  /** Images that disabled components would add; absent unless requested. */
  readonly whatIf?: readonly WhatIfFinding[];
  /** What was not understood, and may hide images; absent if there is nothing. */
  readonly notKnown?: readonly NotKnown[];
  /** Images that only the operator image scan found, and rules for them; absent unless requested. */
  readonly inside?: OperatorScanReport;
  readonly proposed?: readonly ProposedRule[];
  /** Nested charts that could not be searched: their images are missing. */
  readonly failures: readonly AirgapError[];
  /** Hosts that only charts have named and from which charts were requested; absent if there are none. */
  readonly askedHosts?: readonly AskedHost[];
}

/** Result of the operator image scan, also as references. */
interface ScannedOperators {
  readonly scannedImages: readonly OperatorScanResult[];
  readonly scannedReferences: readonly LocatedReference[];
}

/** Returns the images that the charts and manifests need, with their locations. */
export function images(context: Context, options: ImagesOptions): Promise<ImagesResult> {
  return withScratch(context, async (scratch) => {
    const searched = await searchSelected(context, options, scratch);
    const { charts, manifests, failures, askedHosts, scannedImages, selections } = searched;
    const { findings, ...scanFields } = await separateScanned(searched.findings, scannedImages);
    warnUnmatched(context, selections);
    const known = new Set(findings.map(({ reference }) => reference));
    const additions = charts
      .flatMap((chart) => chart.whatIf)
      .filter(({ reference }) => !known.has(reference.reference));
    const whatIf = options.whatIf ? (await import('../../search/what-if.ts')).whatIfFindings(additions) : undefined;
    return {
      charts: charts.map(chartSummary),
      ...(manifests.length === 0 ? {} : { manifests: manifests.map(({ source }) => source.name) }),
      images: findings,
      counts: countImages({ images: findings, selections }),
      network: mergeNetworkNeeds([...charts, ...manifests], options),
      choices: selections,
      ...notKnownField([...charts, ...manifests]),
      whatIf,
      ...scanFields,
      failures,
      ...(askedHosts.length === 0 ? {} : { askedHosts }),
    };
  });
}

/** Separates images that only the operator image scan found, and proposes rules for them. */
async function separateScanned(
  all: readonly Finding[],
  scannedImages: readonly OperatorScanResult[] | undefined,
): Promise<{ readonly findings: readonly Finding[] } & Pick<ImagesResult, 'inside' | 'proposed'>> {
  if (scannedImages === undefined) return { findings: all };
  if (scannedImages.length === 0) return { findings: all, inside: { found: [], open: [], images: [] }, proposed: [] };
  const { proposeRules, separateScanFindings } = await import('../../operator-scan/index.ts');
  const { findings, scanReport } = separateScanFindings(all, scannedImages);
  return { findings, inside: scanReport, proposed: proposeRules(scanReport, scannedImages) };
}

/** Searches the charts of the options and applies the selection, including the operator image scan if requested. */
export async function searchSelected(
  context: Context,
  options: ImagesOptions,
  scratch: string,
): Promise<SearchResult & SelectedFindings & Partial<ScannedOperators>> {
  const searched = await search(context, options, scratch);
  const sources = [...searched.charts, ...searched.manifests];
  const known = selectFindings(sources, options, searched.excluded);
  if (options.operatorScan === undefined) return { ...searched, ...known };
  const scanned = await scanChartOperators(context, sources, known.findings, {
    ...options.operatorScan,
    folder: scratch,
  });
  const all = [...sources, { references: scanned.scannedReferences }];
  return { ...searched, ...selectFindings(all, options, searched.excluded), ...scanned };
}

/** Scans the operator images of charts and manifests over its own connection. Loads the code only if there is an operator. */
async function scanChartOperators(
  context: Context,
  charts: readonly ChartOperators[],
  findings: readonly Finding[],
  { access, concurrency, include, folder }: OperatorScanSettings & { readonly folder: string },
): Promise<ScannedOperators> {
  if (!charts.some(({ operators }) => operators.length > 0)) return { scannedImages: [], scannedReferences: [] };
  const [{ connect }, { scannedReferences, scanOperators, selectedOperators }] = await Promise.all([
    import('../../session/connect.ts'),
    import('../../operator-scan/index.ts'),
  ]);
  const { client } = connect(context, access);
  try {
    const operators = selectedOperators(charts, findings);
    const scannedImages = await scanOperators(context, client, operators, { folder, concurrency });
    return { scannedImages, scannedReferences: scannedReferences(scannedImages, include) };
  } finally {
    await client.close();
  }
}

/** Searches the charts and manifests of the options. Without any neither Helm nor the search code is loaded. */
async function search(context: Context, options: ImagesOptions, scratch: string): Promise<SearchResult> {
  if (options.charts.length === 0 && !options.manifests?.length)
    return { charts: [], manifests: [], failures: [], excluded: [], askedHosts: [] };
  const operators = options.operators ?? options.operatorScan !== undefined;
  const [{ searchCharts }, { Helm }] = await Promise.all([
    import('../../search/search-charts.ts'),
    import('../../helm/helm.ts'),
  ]);
  return searchCharts(context, new Helm(context), options.charts, scratch, { ...options, operators });
}

/** Returns what was not understood in charts and manifests, each once; no field if there is nothing. */
export function notKnownField(sources: readonly Pick<SearchedChart, 'notKnown'>[]): Pick<ImagesResult, 'notKnown'> {
  const entries = sources.flatMap(({ notKnown }) => notKnown);
  const distinct = [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
  return distinct.length === 0 ? {} : { notKnown: distinct };
}

function chartSummary({ chart, profiles, via }: SearchedChart): ImagesResult['charts'][number] {
  const { name, version } = chart.metadata;
  const names = profiles.map((profile) => profile.name);
  return { name, version, source: chart.source, profiles: names, via };
}

/** Merges the network needs by address; drops locations in hooks that are not selected. */
export function mergeNetworkNeeds(
  charts: readonly Pick<SearchedChart, 'network'>[],
  { tests = true, hooks = true }: Pick<SelectionOptions, 'tests' | 'hooks'>,
): NetworkNeed[] {
  const isSelected = ({ hook }: NetworkLocation): boolean =>
    hook === undefined || (hooks && (tests || !/(?:^|,)\s*test/.test(hook)));
  const needs = Map.groupBy(
    charts.flatMap(({ network }) => network),
    ({ url }) => url,
  );
  return [...needs.values()].flatMap((same) => {
    const [first] = same;
    const found = same.flatMap((need) => need.found).filter(isSelected);
    return first === undefined || found.length === 0 ? [] : [{ ...first, found }];
  });
}

/**
 * Applies the selection to the references of all charts, the added ones, and those of Pods and image streams.
 * @param excluded names of nested charts that were excluded
 * @throws AirgapError `reference-invalid` with all invalid added references
 */
export function selectFindings(
  charts: readonly Pick<SearchedChart, 'references'>[],
  options: SelectionOptions & Pick<ImagesOptions, 'add' | 'running' | 'imageStreams'>,
  excluded: readonly string[] = [],
): SelectedFindings {
  const { add, running = [], imageStreams = [] } = options;
  const found = charts.flatMap((chart) => chart.references);
  const all = [...found, ...addedReferences(add), ...running, ...imageStreams];
  const { references, selections } = applySelection(all, options, excluded);
  return { findings: toFindings(references), selections };
}

/** Warns about patterns that match nothing: they are probably mistyped, and the image to exclude is still included. */
export function warnUnmatched({ emit }: Context, selections: readonly SelectionRecord[]): void {
  for (const { rule, pattern, charts = [], references } of selections) {
    if (pattern === undefined || charts.length > 0 || references.length > 0) continue;
    emit({ type: 'warning', message: `--${rule} ${pattern} matches nothing that was found` });
  }
}

/**
 * Converts added references.
 * @throws AirgapError `reference-invalid` with all invalid references
 */
export function addedReferences(add: readonly string[]): LocatedReference[] {
  const errors: AirgapError[] = [];
  const references = add.flatMap((written): LocatedReference[] => {
    const parsed = tryParseReference(written);
    if (parsed === undefined) {
      errors.push(
        new AirgapError('reference-invalid', `"${written}" is not an image reference`, {
          hint: 'write registry/repository:tag or registry/repository@sha256:...',
        }),
      );
      return [];
    }
    const noLocation = { chart: '', profile: '', template: '', document: 0, kind: '', name: '', path: '' };
    return [
      {
        ...noLocation,
        how: 'added',
        written,
        reference: formatReference(parsed),
        confidence: 'certain',
        need: 'install',
      },
    ];
  });
  if (errors.length > 0) throw combine(errors, `${errors.length} added images are not valid references`);
  return references;
}
