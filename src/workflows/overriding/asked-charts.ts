import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { withoutEnd } from '../../base/text-ends.ts';
import type { Bundle } from '../../bundle/read.ts';
import type { ChartRequest } from '../../helm/fetch.ts';
import type { RenderOptions } from '../../helm/render.ts';
import { type BundledChart, extractCharts } from '../bundling/bundled-charts.ts';
import type { ChartJob } from '../search/discover.ts';
import type { Profile } from '../search/search-render.ts';

/** Which charts overrides are for, and how they are installed. */
export interface Asked {
  /** A chart as Helm takes it, or, with a bundle, the name of one in it. Undefined: all charts of the bundle. */
  readonly request: ChartRequest | undefined;
  /** Charts with their profiles, of a configuration file; each profile gets overrides of its own. Instead of the request. */
  readonly jobs?: readonly ChartJob[];
  readonly render: RenderOptions;
}

/** Each chart with each profile under which it is installed. */
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

/** What a chart is called in a bundle, as far as its address says. */
function nameOf({ chart }: ChartRequest): string {
  const last = withoutEnd(chart, '/').split('/').at(-1) ?? chart;
  return /\.t(?:ar\.)?gz$/.test(last) ? last.replace(/-v?\d+\.\d[\s\S]*/, '') : last.replace(/:[^:]*$/, '');
}

function versionOf({ version }: ChartRequest): Pick<ChartRequest, 'version'> {
  // A constraint was resolved when the bundle was made.
  return version !== undefined && /^v?\d+\.\d+\.\d+/.test(version) ? { version } : {};
}

/** What the bundled chart was rendered with, where nothing else is asked for. */
export function asBundled(
  { kubeVersion, apiVersions = [] }: RenderOptions,
  rendered: BundledChart['rendered'],
): RenderOptions {
  return {
    ...(kubeVersion === undefined && rendered.kubeVersion !== undefined ? { kubeVersion: rendered.kubeVersion } : {}),
    ...(apiVersions.length === 0 && rendered.apiVersions !== undefined ? { apiVersions: rendered.apiVersions } : {}),
  };
}

/** The charts that are asked for: out of the bundle, or the one that is named. */
export async function chartsOf(
  source: Bundle | undefined,
  { request }: Pick<Asked, 'request'>,
  scratch: string,
  profile?: string,
): Promise<BundledChart[]> {
  if (source !== undefined) return extractCharts(source, request, scratch, profile);
  if (request === undefined) {
    throw new AirgapError('usage', '--all needs --bundle', { hint: 'name the bundle that holds the charts' });
  }
  return [{ name: '', version: '', request, rendered: {}, recipes: [], operands: [] }];
}
