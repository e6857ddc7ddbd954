import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { type Chart, fetchChart } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { type CarryingChart, carryOverrides } from '../../overrides/index.ts';
import type { ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { Profile } from '../../search/search-render.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { compareWithBundle, type DerivedChart, type UncoveredImages } from './bundle-coverage.ts';
import type { BundledChart } from './bundled-charts.ts';
import { bundledDigests, decisionsFor, missingFromBundle, warnUnusedAllowed } from './bundled-images.ts';
import { checkNameCollisions } from './name-collisions.ts';
import { listRequestedCharts } from './requested-charts.ts';
import type { ValuesOptions } from './values.ts';

/** Options for charts that carry their overrides. */
export interface CarryingChartsOptions extends Omit<ValuesOptions, 'unmappedHandling' | 'prove'> {
  /** Change templates where no value redirects a reference. */
  readonly editTemplates: boolean;
  /** Called with all charts before the work on the first one; throws if their files cannot be written. */
  readonly expect: (charts: readonly { readonly chart: string; readonly version: string }[]) => Promise<void>;
}

/** A chart that carries its overrides. */
export interface CarryingResult extends CarryingChart {
  readonly chart: string;
  readonly version: string;
  /** Names of the profiles whose values were used. */
  readonly profiles: readonly string[];
  /** Required references that the bundle lacks unexpectedly; empty without a bundle. */
  readonly notInBundle: readonly string[];
  /** References bundled for the chart that none of its overrides need. */
  readonly moreInBundle?: UncoveredImages;
}

/** One version of a chart, with all its profiles. */
interface RequestedChart {
  readonly bundled: BundledChart;
  readonly chart: Chart;
  readonly profiles: [Profile, ...Profile[]];
  /** Digest of the archive. */
  readonly digest: Digest;
  readonly folder: string;
}

/**
 * Writes the overrides of one chart, or of all charts of a bundle, into the charts, and proves the written charts. A chart
 * with several profiles gets what all of them need.
 * @throws AirgapError of fetching and rendering; `chart-invalid` if two charts have the same name and version
 */
export function carryingCharts(context: Context, options: CarryingChartsOptions): Promise<CarryingResult[]> {
  const { emit } = context;
  return withScratch(context, async (scratch) => {
    const helm = new Helm(context);
    const source =
      options.bundle === undefined
        ? undefined
        : await openCheckedBundle(options.bundle, { signers: options.signers, emit });
    try {
      const requested = await fetchAll(context, helm, source, options, scratch);
      await options.expect(requested.map(({ chart: { metadata } }) => ({ ...metadata, chart: metadata.name })));
      const decisions = decisionsFor(context, options, source);
      const results: CarryingResult[] = [];
      const derived: DerivedChart[] = [];
      for (const one of requested) {
        const result = await carry(context, helm, one, source, { ...options, decisions });
        results.push(result);
        derived.push(...one.profiles.map((profile) => ({ ...result, profile })));
      }
      warnUnusedAllowed(emit, decisions);
      if (source === undefined) return results;
      const uncovered = compareWithBundle(source, derived, options.target, options.request === undefined, emit);
      return results.map((result) => {
        const moreInBundle = uncovered.get(result.chart)?.images;
        return moreInBundle === undefined ? result : { ...result, moreInBundle };
      });
    } finally {
      await source?.close();
    }
  });
}

async function fetchAll(
  context: Context,
  helm: Helm,
  source: Bundle | undefined,
  options: CarryingChartsOptions,
  scratch: string,
): Promise<readonly RequestedChart[]> {
  const charts = new Map<string, RequestedChart>();
  for (const [index, { chart: bundled, profile }] of (await listRequestedCharts(source, options, scratch)).entries()) {
    const folder = join(scratch, `carrying-${index}`);
    const chart = await fetchChart(helm, bundled.request, folder, context.cwd, options.chartSources);
    const key = `${chart.metadata.name} ${chart.metadata.version}`;
    const digest = digestOf(await readFile(chart.archive));
    const known = charts.get(key);
    if (known === undefined) charts.set(key, { bundled, chart, profiles: [profile], digest, folder });
    else if (known.digest === digest) known.profiles.push(profile);
    else
      throw new AirgapError('chart-invalid', `chart ${key} is given twice: ${known.chart.source} and ${chart.source}`, {
        hint: 'write one of them at a time: both would have the same name and version',
      });
  }
  return [...charts.values()];
}

async function carry(
  { emit }: Context,
  helm: Helm,
  { bundled: { recipes, operands }, chart, profiles, folder }: RequestedChart,
  source: Bundle | undefined,
  {
    target,
    rules = [],
    pullSecret,
    acceptsWithoutPullSecret,
    pin,
    inject,
    operatorDefaults,
    editTemplates,
    decisions,
  }: CarryingChartsOptions & {
    readonly decisions: ReferenceDecisions;
  },
): Promise<CarryingResult> {
  const { name, version } = chart.metadata;
  const carried = await carryOverrides(helm, chart, profiles, target, {
    ...{ rules, recipes, operands, decisions, inject, operatorDefaults, editTemplates, emit, folder },
    additions: {
      pullSecret,
      acceptsWithoutPullSecret,
      digests: pin && source !== undefined ? bundledDigests(source, target) : undefined,
    },
    manifestDigest: manifestDigest(source, name, version),
  });
  checkNameCollisions(target, carried.references, emit, source);
  return {
    chart: name,
    version,
    profiles: profiles.map((profile) => profile.name),
    ...carried,
    notInBundle: source === undefined ? [] : missingFromBundle(source, carried.references, decisions, emit),
  };
}

/** Returns the digest under which `push` stores the upstream chart of a bundle. */
function manifestDigest(source: Bundle | undefined, name: string, version: string): Digest | undefined {
  return source?.charts().find((chart) => chart.name === name && chart.version === version)?.descriptor.digest;
}
