import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { ChartAccess } from '../../helm/access.ts';
import { UNPACKED_LIMIT } from '../../helm/chart-entries.ts';
import { type ChartSources, UPSTREAM } from '../../helm/chart-mirrors.ts';
import { type Chart, type ChartRequest, fetchChart, withoutSecrets } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import type { LockFileChart } from '../../lock/lock-file.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { Context } from '../context.ts';
import type { PackedChart } from './bundle-lock.ts';

/**
 * The entry of a chart in a lock file.
 * @param folder of the lock file (absolute)
 * @param scratch where charts were unpacked that lie inside their parents' manifests
 */
export async function chartEntry(
  { chart, profiles, via }: PackedChart,
  folder: string,
  scratch: string,
  cwd: string,
): Promise<LockFileChart> {
  const { name, version } = chart.metadata;
  const { dependencyUpdate } = chart.request;
  return {
    name,
    version,
    ...(await placeOf(chart.request, folder, scratch, cwd)),
    ...(dependencyUpdate ? { dependencyUpdate } : {}),
    digest: await archiveDigest(chart, cwd),
    ...(via === undefined ? {} : { parent: via.chart }),
    profiles: profiles.map(({ name, options: { kubeVersion, apiVersions = [] } }) => ({
      name,
      ...(kubeVersion === undefined ? {} : { kubeVersion }),
      ...(apiVersions.length === 0 ? {} : { apiVersions: [...apiVersions] }),
    })),
  };
}

async function placeOf(
  { chart, repo }: ChartRequest,
  folder: string,
  scratch: string,
  cwd: string,
): Promise<Pick<LockFileChart, 'chart' | 'repo'>> {
  if (repo !== undefined) return { chart, repo: withoutSecrets(repo) };
  const path = resolve(cwd, chart);
  if (path.startsWith(scratch + sep)) return {};
  const isLocal = !isUrl(chart) && (await stat(path).catch(() => undefined)) !== undefined;
  if (!isLocal) return { chart: withoutSecrets(chart) };
  const way = relative(folder, path).split(sep).join('/');
  return { chart: /^\.\.(?:\/|$)/.test(way) ? way : `./${way}` };
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/**
 * What makes a chart the same chart: its archive's digest, as chart repositories have it in their indexes. A folder is
 * packed here, and compression is not the same in every build of Node; so the archive of a folder counts unpacked.
 */
async function archiveDigest({ archive, fetched: { chart, repo } }: Chart, cwd: string): Promise<Digest> {
  const bytes = await readFile(archive);
  const isFolder =
    repo === undefined && !isUrl(chart) && (await stat(resolve(cwd, chart)).catch(() => undefined))?.isDirectory();
  return digestOf(isFolder ? gunzipSync(bytes, { maxOutputLength: UNPACKED_LIMIT }) : bytes);
}

export interface LockedChartsOptions {
  /** Of the lock file (absolute): local charts are named from there. */
  readonly folder: string;
  readonly chartSources?: ChartSources;
  /** Credentials and TLS for charts that were asked for by name and for those that they bring along. */
  readonly access: (chart: LockFileChart) => ChartAccess;
}

/**
 * Fetches the charts of a lock file. All are tried. One that lies inside its parent's manifests goes where they go: it
 * is left out, and a warning names it.
 * @throws AirgapError `chart-invalid` when a chart is not the locked one any more, and what fetching fails of
 */
export async function fetchLocked(
  context: Context,
  charts: readonly LockFileChart[],
  scratch: string,
  options: LockedChartsOptions,
): Promise<PackedChart[]> {
  const inside = charts.filter(({ chart }) => chart === undefined);
  for (const { name, version, parent } of inside) {
    const message = `chart ${name} ${version} lies inside the manifests of ${parent ?? 'its parent'}: it is not packed as a chart of its own`;
    context.emit({ type: 'warning', message });
  }
  const helm = new Helm(context);
  const wanted = charts.filter(({ chart }) => chart !== undefined);
  const outcomes = await settle(wanted, availableParallelism(), (entry, i) =>
    fetchOne(context, helm, entry, join(scratch, String(i)), options),
  );
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [asError(outcome.error)] : []));
  if (errors.length > 0)
    throw combine(errors, `${errors.length} of ${wanted.length} charts could not be had as locked`);
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
}

async function fetchOne(
  context: Context,
  helm: Helm,
  entry: LockFileChart,
  folder: string,
  { folder: base, chartSources = UPSTREAM, access }: LockedChartsOptions,
): Promise<PackedChart> {
  const { name, version, digest, parent, profiles } = entry;
  context.emit({ type: 'stage', message: `fetching ${name} ${version}` });
  const request = { ...requestOf(entry, base), access: access(entry) };
  const chart = await fetchChart(helm, request, folder, context.cwd, chartSources);
  const found = await archiveDigest(chart, context.cwd);
  if (digest !== '' && found !== digest) {
    const is = chart.metadata.version === version ? '' : `, version ${chart.metadata.version}`;
    throw new AirgapError(
      'chart-invalid',
      `chart ${name} ${version} is not the locked one: ${found}${is}, and not ${digest}`,
      {
        hint: 'it was published or changed again; helm airgap images … --check-lock says what else did, --lock takes it over',
      },
    );
  }
  return {
    chart,
    profiles: profiles.map(({ name, ...options }) => ({ name, options })),
    ...(parent === undefined ? {} : { via: { chart: parent } }),
  };
}

function requestOf({ chart = '', repo, version, dependencyUpdate }: LockFileChart, folder: string): ChartRequest {
  const update = dependencyUpdate ? { dependencyUpdate } : {};
  if (repo !== undefined) return { chart, repo, version };
  if (/^\.\.?(?:\/|$)/.test(chart)) return { chart: resolve(folder, chart), ...update };
  // A tag or digest in an OCI reference says the version, and Helm wants no second word on it.
  return /^oci:\/\/[^/]+\/.*[:@]/.test(chart) ? { chart } : { chart, version };
}

function asError(error: unknown): AirgapError {
  if (error instanceof AirgapError && error.code !== 'interrupted') return error;
  throw error;
}
