import type { ChartRequest } from '../../helm/access.ts';
import type { ChartMirror, ChartSources } from '../../helm/chart-mirrors.ts';

/**
 * Returns the hosts and addresses that the user has named: charts and repositories, both sides of mirrors, plain HTTP hosts.
 * @param mirrors of image registries, `FROM=TO`
 */
export function namedAddresses(
  charts: readonly { readonly request: ChartRequest }[],
  mirrors: readonly string[],
  chartMirrors: readonly ChartMirror[],
  plainHttp: readonly string[],
): string[] {
  return [
    ...charts.flatMap(({ request: { chart, repo } }) => [repo ?? '', chart].filter((text) => text.includes('://'))),
    ...mirrors.flatMap((mirror) => mirror.split('=')),
    ...chartMirrors.flatMap(({ from, to }) => [from, ...('url' in to ? [to.url] : [])]),
    ...plainHttp,
  ];
}

/** Returns the registries among the hosts that the user has named, without default ports. */
export function namedRegistries({ allowedHosts = new Set() }: Pick<ChartSources, 'allowedHosts'>): string[] {
  return [...new Set([...allowedHosts].map((host) => host.replace(/:(?:443|80)$/, '')))];
}
