import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { ChartAccess, ChartRequest } from '../../helm/access.ts';
import { UNPACKED_LIMIT } from '../../helm/chart-entries.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import { type Chart, fetchChart, withoutSecrets } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import type { LockFileChart } from '../../inventory/lock-file.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { Context } from '../../session/context.ts';
import type { PackedChart } from './inventory.ts';

/**
 * Returns the lock file entry of a chart.
 * @param folder absolute path of the lock file's folder
 * @param scratch folder with the unpacked charts that are embedded in manifests of their parents
 */
export async function lockFileChart(
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
    ...(await chartSource(chart.request, folder, scratch, cwd)),
    ...(dependencyUpdate ? { dependencyUpdate } : {}),
    digest: await archiveDigest(chart, cwd),
    parent: via?.chart,
    profiles: profiles.map(({ name, options: { kubeVersion, apiVersions = [] } }) => ({
      name,
      kubeVersion,
      ...(apiVersions.length === 0 ? {} : { apiVersions: [...apiVersions] }),
    })),
  };
}

async function chartSource(
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
  const relativePath = relative(folder, path).split(sep).join('/');
  return { chart: /^\.\.(?:\/|$)/.test(relativePath) ? relativePath : `./${relativePath}` };
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/**
 * Returns the digest that identifies a chart: that of its archive, as in the index of a chart repository. For a chart
 * folder the uncompressed archive is hashed, because compression differs between builds of Node.
 */
async function archiveDigest({ archive, fetchedRequest: { chart, repo } }: Chart, cwd: string): Promise<Digest> {
  const bytes = await readFile(archive);
  const isFolder =
    repo === undefined && !isUrl(chart) && (await stat(resolve(cwd, chart)).catch(() => undefined))?.isDirectory();
  return digestOf(isFolder ? gunzipSync(bytes, { maxOutputLength: UNPACKED_LIMIT }) : bytes);
}

export interface LockedChartsOptions {
  /** Absolute path of the lock file's folder; paths of local charts are relative to it. */
  readonly folder: string;
  readonly chartSources?: ChartSources;
  /** Returns credentials and TLS options for a chart. */
  readonly chartAccess: (chart: LockFileChart) => ChartAccess;
}

/**
 * Fetches the charts of a lock file. All are tried. Charts embedded in manifests of their parent are skipped with a
 * warning, because they are part of the parent.
 * @throws AirgapError `chart-invalid` when a chart differs from the locked one; errors of fetching
 */
export async function fetchLockedCharts(
  context: Context,
  charts: readonly LockFileChart[],
  scratch: string,
  options: LockedChartsOptions,
): Promise<PackedChart[]> {
  const nested = charts.filter(({ chart }) => chart === undefined);
  for (const { name, version, parent } of nested) {
    const message = `chart ${name} ${version} is embedded in the manifests of ${parent ?? 'its parent'} and is not bundled separately`;
    context.emit({ type: 'warning', message });
  }
  const helm = new Helm(context);
  const fetchable = charts.filter(({ chart }) => chart !== undefined);
  const outcomes = await settle(fetchable, availableParallelism(), (entry, index) =>
    fetchLockedChart(context, helm, entry, join(scratch, String(index)), options),
  );
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [toAirgapError(outcome.error)] : []));
  if (errors.length > 0)
    throw combine(errors, `${errors.length} of ${fetchable.length} charts could not be fetched as locked`);
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
}

async function fetchLockedChart(
  context: Context,
  helm: Helm,
  entry: LockFileChart,
  folder: string,
  { folder: base, chartSources, chartAccess }: LockedChartsOptions,
): Promise<PackedChart> {
  const { name, version, digest, parent, profiles } = entry;
  const request = { ...requestOf(entry, base), access: chartAccess(entry) };
  const chart = await fetchChart(helm, request, folder, context.cwd, chartSources);
  const found = await archiveDigest(chart, context.cwd);
  if (digest !== '' && found !== digest) {
    const versionText = chart.metadata.version === version ? '' : ` (version ${chart.metadata.version})`;
    throw new AirgapError(
      'chart-invalid',
      `chart ${name} ${version} differs from the lock file: digest ${found}${versionText} instead of ${digest}`,
      {
        hint: 'it was changed or published again; show all changes with helm airgap images ... --check-lock, or accept them with --lock',
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
  // Helm rejects --version for an OCI reference with a tag or digest.
  return /^oci:\/\/[^/]+\/.*[:@]/.test(chart) ? { chart } : { chart, version };
}

function toAirgapError(error: unknown): AirgapError {
  if (error instanceof AirgapError && error.code !== 'interrupted') return error;
  throw error;
}
