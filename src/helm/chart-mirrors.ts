import { resolve } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import type { FindLogin } from '../base/registry-login.ts';
import { textBefore, trimTrailing } from '../base/text-trim.ts';
import type { ChartAccess, ChartRequest } from './access.ts';
import { nameOfArchive } from './addresses.ts';

/** Mirror from which charts of a repository are read. */
export interface ChartMirror {
  /** `https://…` of a chart repository or `oci://host[/path]`, without trailing slash; `*` for all. */
  readonly from: string;
  /** URL of a chart repository, `oci://…`, or a folder of archives (absolute path). */
  readonly to: { readonly url: string } | { readonly folder: string };
}

/** Settings for access to chart repositories. */
export interface ChartSources {
  readonly mirrors: readonly ChartMirror[];
  /** Hosts of OCI registries to use HTTP without TLS for. */
  readonly plainHttp: readonly string[];
  /** Certificate authorities to trust in addition to the system's (PEM). */
  readonly caFile?: string;
  /** Returns PEM files of the client certificate and key for a host (`host[:port]`). */
  readonly certificates?: (host: string) => Promise<Pick<ChartAccess, 'certFile' | 'keyFile'> | undefined>;
  /** Folders (absolute) that links in chart folders may point to. */
  readonly linkRoots?: readonly string[];
  /** `host:port` values named by the user: exempt from the checks for addresses in charts. */
  readonly allowedHosts?: ReadonlySet<string>;
  /** Finds logins for OCI registries that Helm itself would not find. */
  readonly findLogin?: FindLogin;
}

/** Access to all repositories at their own addresses. */
export const UPSTREAM: ChartSources = { mirrors: [], plainHttp: [] };

const ADDRESS = /^(?:https?|oci):\/\/[^/\s]/;

/**
 * Parses `FROM=TO`, as in `https://charts.jetstack.io=https://nexus.example/repository/jetstack` or `*=./charts`.
 * @param folder base for relative folders (absolute)
 * @throws AirgapError `usage`
 */
export function parseChartMirror(text: string, folder: string): ChartMirror {
  const equals = text.indexOf('=');
  const from = trimTrailing(text.slice(0, Math.max(0, equals)), '/');
  const to = text.slice(equals + 1);
  const isKnown = ADDRESS.test(to) || (to !== '' && !/^[a-z][a-z0-9+.-]*:\/\//i.test(to));
  if (equals < 0 || !(from === '*' || ADDRESS.test(from)) || !isKnown) {
    throw new AirgapError('usage', `"${text}" is not a chart mirror`, {
      hint: 'write REPOSITORY=URL or REPOSITORY=FOLDER, as in https://charts.jetstack.io=./charts, or *=FOLDER for all repositories',
    });
  }
  return { from, to: ADDRESS.test(to) ? { url: trimTrailing(to, '/') } : { folder: resolve(folder, to) } };
}

/**
 * Returns the request to send to a mirror; undefined if no mirror matches. The longest `from` takes precedence; if a
 * folder does not contain the chart, the next mirror is tried. A URL replaces the part that `from` matched; as a mirror
 * of `*`, it is one repository with all charts.
 * @throws AirgapError `chart-not-found` if only folders match and none contains the chart
 */
export async function applyMirrors(
  mirrors: readonly ChartMirror[],
  request: ChartRequest,
): Promise<ChartRequest | undefined> {
  const locator = locatorOf(request);
  if (locator === undefined) return undefined;
  const matching = mirrors
    .filter(({ from }) => from === '*' || locator.address === from || locator.address.startsWith(`${from}/`))
    .sort((a, b) => specificity(b) - specificity(a));
  const folders: string[] = [];
  for (const { from, to } of matching) {
    if ('url' in to) return requestAtMirror(request, locator, from, to.url);
    // Imported on demand: the command line imports this module even if no chart is fetched.
    const { findChartArchive } = await import('./archive-folder.ts');
    const archive = await findChartArchive(to.folder, locator.name, locator.version);
    if (archive !== undefined) return { chart: archive };
    folders.push(to.folder);
  }
  if (folders.length === 0) return undefined;
  const chart = `${locator.name} ${locator.version}`.trim();
  throw new AirgapError('chart-not-found', `no archive of chart ${chart} in ${folders.join(', ')}`, {
    hint: `--chart-mirror redirects ${locator.address || 'charts without a known repository'} there; add the archive to the folder`,
  });
}

function specificity({ from }: ChartMirror): number {
  return from === '*' ? 0 : from.length;
}

interface ChartLocator {
  /** Repository, or the complete `oci://` path of the chart. */
  readonly address: string;
  readonly name: string;
  /** Empty for the newest. */
  readonly version: string;
}

/** Returns undefined for files, folders and repositories configured in Helm by name. */
function locatorOf({ chart, repo, version = '' }: ChartRequest): ChartLocator | undefined {
  if (repo !== undefined) return { address: trimTrailing(repo, '/'), name: chart, version };
  const [, ociPath, tag = ''] = /^(oci:\/\/[^@]*?)(?::([\w.+-]+))?(?:@.*)?$/.exec(chart) ?? [];
  if (ociPath !== undefined)
    return { address: ociPath, name: ociPath.slice(ociPath.lastIndexOf('/') + 1), version: version || tag };
  const [, file] = /^https?:\/\/.*\/([^/?#]+)\.(?:tgz|tar\.gz)(?:[?#].*)?$/.exec(chart) ?? [];
  if (file === undefined) return undefined;
  const archiveName = nameOfArchive(file);
  return { address: chart, name: archiveName.name, version: version || archiveName.version };
}

function requestAtMirror(
  request: ChartRequest,
  { address, name }: ChartLocator,
  from: string,
  url: string,
): ChartRequest {
  const remainingPath = from === '*' ? '' : address.slice(from.length);
  const { chart, repo, ...others } = request;
  // A URL of an archive stays one.
  if (repo === undefined && !chart.startsWith('oci://') && from !== '*')
    return { ...others, chart: url + remainingPath };
  if (!url.startsWith('oci://')) {
    const path =
      repo === undefined ? remainingPath.slice(0, Math.max(0, remainingPath.lastIndexOf('/'))) : remainingPath;
    return { ...others, chart: name, repo: url + path };
  }
  // The remaining path of an OCI chart ends with its name, unless `from` matched the complete path: then the mirror
  // renames the chart.
  const path = repo === undefined && from !== '*' ? remainingPath : `${remainingPath}/${name}`;
  const digest = chart.startsWith('oci://') ? chart.slice(textBefore(chart, '@').length) : '';
  const tag = chart.startsWith('oci://') && digest === '' ? (/:[\w.+-]+$/.exec(chart)?.[0] ?? '') : '';
  return { ...others, chart: `${url}${path}${tag}${digest}` };
}
