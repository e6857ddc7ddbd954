import { resolve } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { before, withoutEnd } from '../base/text-ends.ts';
import type { ChartAccess } from './access.ts';
import { nameOfArchive } from './chart-metadata.ts';
import type { ChartRequest } from './fetch.ts';
import type { FindLogin } from './registry-login.ts';

/** Charts of `from` are read from another place. */
export interface ChartMirror {
  /** `https://…` of a chart repository or `oci://host[/path]`, without a slash at its end; `*`: all of them. */
  readonly from: string;
  /** Address of a chart repository, `oci://…`, or a folder of archives (absolute). */
  readonly to: { readonly url: string } | { readonly folder: string };
}

/** How chart repositories are reached. */
export interface ChartSources {
  readonly mirrors: readonly ChartMirror[];
  /** Hosts of OCI registries that speak HTTP without TLS. */
  readonly plainHttp: readonly string[];
  /** Certificate authorities to trust besides the system's (PEM). */
  readonly caFile?: string;
  /** PEM files of the client certificate for a host (`host[:port]`), and of its key. */
  readonly certificates?: (host: string) => Promise<Pick<ChartAccess, 'certFile' | 'keyFile'> | undefined>;
  /** Folders (absolute) that links of chart folders may lead to. */
  readonly linkRoots?: readonly string[];
  /** Hosts, with their ports, that the user has named: charts that other charts name are fetched from there whatever they are. */
  readonly hosts?: ReadonlySet<string>;
  /** Finds logins for OCI registries that Helm would not find by itself. */
  readonly login?: FindLogin;
}

/** Every repository at its own address. */
export const UPSTREAM: ChartSources = { mirrors: [], plainHttp: [] };

const ADDRESS = /^(?:https?|oci):\/\/[^/\s]/;

/**
 * Reads `FROM=TO`, as in `https://charts.jetstack.io=https://nexus.example/repository/jetstack` or `*=./charts`.
 * @param folder against which a relative folder stands (absolute)
 * @throws AirgapError `usage`
 */
export function parseChartMirror(text: string, folder: string): ChartMirror {
  const equals = text.indexOf('=');
  const from = withoutEnd(text.slice(0, Math.max(0, equals)), '/');
  const to = text.slice(equals + 1);
  const isKnown = ADDRESS.test(to) || (to !== '' && !/^[a-z][a-z0-9+.-]*:\/\//i.test(to));
  if (equals < 0 || !(from === '*' || ADDRESS.test(from)) || !isKnown) {
    throw new AirgapError('usage', `"${text}" is not a chart mirror`, {
      hint: 'write REPOSITORY=URL or REPOSITORY=FOLDER, as in https://charts.jetstack.io=./charts, or *=FOLDER for all',
    });
  }
  return { from, to: ADDRESS.test(to) ? { url: withoutEnd(to, '/') } : { folder: resolve(folder, to) } };
}

/**
 * What to ask for instead, by the mirrors; undefined when none is for this chart. The longest `from` comes first; a
 * folder that does not hold the chart passes it on to the next. A URL takes the place of what `from` matched; as the
 * mirror of everything it is one repository that holds all charts.
 * @throws AirgapError `chart-not-found` when there are folders for it and none holds it
 */
export async function mirrored(
  mirrors: readonly ChartMirror[],
  request: ChartRequest,
): Promise<ChartRequest | undefined> {
  const wanted = partsOf(request);
  if (wanted === undefined) return undefined;
  const matching = mirrors
    .filter(({ from }) => from === '*' || wanted.address === from || wanted.address.startsWith(`${from}/`))
    .sort((a, b) => weight(b) - weight(a));
  const folders: string[] = [];
  for (const { from, to } of matching) {
    if ('url' in to) return atUrl(request, wanted, from, to.url);
    // The command line reads mirrors before it knows whether any is needed; libraries for archives are loaded only then.
    const { findArchive } = await import('./chart-folder.ts');
    const archive = await findArchive(to.folder, wanted.name, wanted.version);
    if (archive !== undefined) return { chart: archive };
    folders.push(to.folder);
  }
  if (folders.length === 0) return undefined;
  const chart = `${wanted.name} ${wanted.version}`.trim();
  throw new AirgapError('chart-not-found', `there is no archive of chart ${chart} in ${folders.join(', ')}`, {
    hint: `--chart-mirror sends ${wanted.address || 'charts without a known repository'} there; put the archive into the folder`,
  });
}

function weight({ from }: ChartMirror): number {
  return from === '*' ? 0 : from.length;
}

interface Parts {
  /** Repository, or the whole `oci://` path of the chart. */
  readonly address: string;
  readonly name: string;
  /** Empty: the newest. */
  readonly version: string;
}

/** Undefined for files, folders and repositories that Helm knows by a name of its own. */
function partsOf({ chart, repo, version = '' }: ChartRequest): Parts | undefined {
  if (repo !== undefined) return { address: withoutEnd(repo, '/'), name: chart, version };
  const [, oci, tag = ''] = /^(oci:\/\/[^@]*?)(?::([\w.+-]+))?(?:@.*)?$/.exec(chart) ?? [];
  if (oci !== undefined) return { address: oci, name: oci.slice(oci.lastIndexOf('/') + 1), version: version || tag };
  const [, file] = /^https?:\/\/.*\/([^/?#]+)\.(?:tgz|tar\.gz)(?:[?#].*)?$/.exec(chart) ?? [];
  if (file === undefined) return undefined;
  const found = nameOfArchive(file);
  return { address: chart, name: found.name, version: version || found.version };
}

function atUrl(request: ChartRequest, { address, name }: Parts, from: string, url: string): ChartRequest {
  const rest = from === '*' ? '' : address.slice(from.length);
  const { chart, repo, ...others } = request;
  // An archive by its own address stays one.
  if (repo === undefined && !chart.startsWith('oci://') && from !== '*') return { ...others, chart: url + rest };
  if (!url.startsWith('oci://')) {
    const place = repo === undefined ? rest.slice(0, Math.max(0, rest.lastIndexOf('/'))) : rest;
    return { ...others, chart: name, repo: url + place };
  }
  // `rest` of an OCI chart ends with its name, unless all of it was matched and so has another name at the mirror.
  const path = repo === undefined && from !== '*' ? rest : `${rest}/${name}`;
  const digest = chart.startsWith('oci://') ? chart.slice(before(chart, '@').length) : '';
  const tag = chart.startsWith('oci://') && digest === '' ? (/:[\w.+-]+$/.exec(chart)?.[0] ?? '') : '';
  return { ...others, chart: `${url}${path}${tag}${digest}` };
}
