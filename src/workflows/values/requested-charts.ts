import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { trimTrailing } from '../../base/text-trim.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { ChartRequest } from '../../helm/access.ts';
import type { RenderOptions } from '../../helm/render.ts';
import type { ManifestSource } from '../../manifests/index.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { Profile } from '../../search/search-render.ts';
import { type BundledChart, extractCharts } from './bundled-charts.ts';

/** Charts to derive overrides for, and how they are installed. */
export interface RequestedCharts {
  /**
   * Chart as in Helm's commands or, with a bundle, the name of a bundled chart; undefined for all charts of the bundle.
   */
  readonly request: ChartRequest | undefined;
  /** Charts and profiles of a configuration file, in place of `request`; each profile gets its own overrides. */
  readonly jobs?: readonly ChartJob[];
  readonly render: RenderOptions;
}

/** Images that do not come from charts. */
export interface ReferenceSources {
  readonly manifests: readonly ManifestSource[];
  /** Images of a list, as written. */
  readonly images: readonly string[];
}

/** Lists each requested chart with each of its profiles. */
export async function listRequestedCharts(
  source: Bundle | undefined,
  options: RequestedCharts,
  scratch: string,
): Promise<{ readonly chart: BundledChart; readonly profile: Profile }[]> {
  const { jobs, render } = options;
  if (jobs === undefined) {
    const charts = await resolveCharts(source, options, scratch);
    return charts.map((chart) => ({ chart, profile: profileOf('default', render, chart) }));
  }
  const requested: { chart: BundledChart; profile: Profile }[] = [];
  for (const { request, profiles } of jobs) {
    for (const { name, options: profileOptions } of profiles) {
      const folder = join(scratch, `asked-${requested.length}`);
      const bundledRequest =
        source === undefined ? request : { chart: chartNameOf(request), ...exactVersionOf(request) };
      const charts = await resolveCharts(source, { request: bundledRequest }, folder, name);
      requested.push(...charts.map((chart) => ({ chart, profile: profileOf(name, profileOptions, chart) })));
    }
  }
  return requested;
}

function profileOf(name: string, options: RenderOptions, { rendered }: BundledChart): Profile {
  return { name, options: { ...options, ...bundledRenderOptions(options, rendered) } };
}

/** Returns the chart's name in a bundle, as far as the address shows it. */
function chartNameOf({ chart }: ChartRequest): string {
  const last = trimTrailing(chart, '/').split('/').at(-1) ?? chart;
  return /\.t(?:ar\.)?gz$/.test(last) ? last.replace(/-v?\d+\.\d[\s\S]*/, '') : last.replace(/:[^:]*$/, '');
}

function exactVersionOf({ version }: ChartRequest): Pick<ChartRequest, 'version'> {
  // Version constraints were resolved when the bundle was created.
  return version !== undefined && /^v?\d+\.\d+\.\d+/.test(version) ? { version } : {};
}

/** Returns the Kubernetes version and API versions used for the bundle, unless the options set others. */
export function bundledRenderOptions(
  { kubeVersion, apiVersions = [] }: RenderOptions,
  rendered: BundledChart['rendered'],
): RenderOptions {
  return {
    ...(kubeVersion === undefined && rendered.kubeVersion !== undefined ? { kubeVersion: rendered.kubeVersion } : {}),
    ...(apiVersions.length === 0 && rendered.apiVersions !== undefined ? { apiVersions: rendered.apiVersions } : {}),
  };
}

/**
 * Returns the requested charts: extracted from the bundle, or the named one.
 * @throws AirgapError `usage` without a chart and a bundle
 */
export async function resolveCharts(
  source: Bundle | undefined,
  { request }: Pick<RequestedCharts, 'request'>,
  scratch: string,
  profile?: string,
): Promise<BundledChart[]> {
  if (source !== undefined) return extractCharts(source, request, scratch, profile);
  if (request === undefined) {
    throw new AirgapError('usage', '--all requires --bundle', { hint: 'specify the bundle that contains the charts' });
  }
  return [{ name: '', version: '', request, rendered: {}, recipes: [], operands: [] }];
}
