import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { withoutEnd } from '../../base/text-ends.ts';
import type { Bundle } from '../../bundle/read.ts';
import type { ChartRequest } from '../../helm/fetch.ts';
import type { RenderOptions } from '../../helm/render.ts';
import { type BundledChart, extractCharts } from '../bundling/bundled-charts.ts';
import type { ChartJob } from '../search/discover.ts';
import type { Profile } from '../search/search-render.ts';

/** Charts to derive overrides for, and how they are installed. */
export interface Asked {
  /**
   * Chart as in Helm's commands or, with a bundle, the name of a bundled chart; undefined for all charts of the bundle.
   */
  readonly request: ChartRequest | undefined;
  /** Charts and profiles of a configuration file, in place of `request`; each profile gets its own overrides. */
  readonly jobs?: readonly ChartJob[];
  readonly render: RenderOptions;
}

/** Lists each requested chart with each of its profiles. */
export async function askedFor(
  source: Bundle | undefined,
  options: Asked,
  scratch: string,
): Promise<{ readonly chart: BundledChart; readonly profile: Profile }[]> {
  const { jobs, render } = options;
  if (jobs === undefined) {
    const charts = await chartsOf(source, options, scratch);
    return charts.map((chart) => ({ chart, profile: profileOf('default', render, chart) }));
  }
  const asked: { chart: BundledChart; profile: Profile }[] = [];
  for (const { request, profiles } of jobs) {
    for (const { name, options: own } of profiles) {
      const folder = join(scratch, `asked-${asked.length}`);
      const wanted = source === undefined ? request : { chart: nameOf(request), ...versionOf(request) };
      const charts = await chartsOf(source, { request: wanted }, folder, name);
      asked.push(...charts.map((chart) => ({ chart, profile: profileOf(name, own, chart) })));
    }
  }
  return asked;
}

function profileOf(name: string, options: RenderOptions, { rendered }: BundledChart): Profile {
  return { name, options: { ...options, ...asBundled(options, rendered) } };
}

/** Returns the chart's name in a bundle, as far as the address shows it. */
function nameOf({ chart }: ChartRequest): string {
  const last = withoutEnd(chart, '/').split('/').at(-1) ?? chart;
  return /\.t(?:ar\.)?gz$/.test(last) ? last.replace(/-v?\d+\.\d[\s\S]*/, '') : last.replace(/:[^:]*$/, '');
}

function versionOf({ version }: ChartRequest): Pick<ChartRequest, 'version'> {
  // Version constraints were resolved when the bundle was created.
  return version !== undefined && /^v?\d+\.\d+\.\d+/.test(version) ? { version } : {};
}

/** Returns the Kubernetes version and API versions used for the bundle, unless the options set others. */
export function asBundled(
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
export async function chartsOf(
  source: Bundle | undefined,
  { request }: Pick<Asked, 'request'>,
  scratch: string,
  profile?: string,
): Promise<BundledChart[]> {
  if (source !== undefined) return extractCharts(source, request, scratch, profile);
  if (request === undefined) {
    throw new AirgapError('usage', '--all requires --bundle', { hint: 'name the bundle that contains the charts' });
  }
  return [{ name: '', version: '', request, rendered: {}, recipes: [], operands: [] }];
}
