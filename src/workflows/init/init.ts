import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { UniqueFileNames } from '../../base/file-names.ts';
import { toFileName } from '../../base/names.ts';
import { settleEach } from '../../base/pool.ts';
import type { ChartRequest } from '../../helm/access.ts';
import { dependencyRepositories } from '../../helm/chart-dependencies.ts';
import { parseMetadata } from '../../helm/chart-metadata.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import { fetchChart, withoutSecrets } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { type Release, readReleases } from './releases.ts';
import { type Repositories, readRepositories, repositoriesWith } from './repositories.ts';

export interface InitOptions {
  /** Charts as given: folders, archives, `oci://…`, URLs, names. */
  readonly charts: readonly ChartRequest[];
  readonly sources: ChartSources;
  /** Namespaces whose releases are taken, all if empty; undefined for no releases. */
  readonly releases?: readonly string[];
  /** Returns the path of a local chart as the file names it. */
  readonly localPath: (path: string) => string;
}

/** A chart of the file to write. */
export interface InitChart {
  readonly chart: string;
  readonly repo?: string;
  readonly version?: string;
  readonly releaseName?: string;
  readonly namespace?: string;
  readonly dependencyUpdate?: true;
  /** Repositories of the user's Helm that have this version, if they are several: the user has to choose. */
  readonly candidates: readonly string[];
  /** True if the repository has to be filled in. */
  readonly lacksRepo: boolean;
  /** Values of the release, and a name for a file with them. They may hold secrets. */
  readonly values?: { readonly file: string; readonly text: string };
}

/** Concurrent runs of Helm. */
const CONCURRENCY = 4;

/**
 * Finds the charts for a new airgap.yaml: those given, with their versions, then those of a cluster's releases.
 * @throws AirgapError as `fetchChart`; `cluster`
 */
export async function initCharts(context: Context, options: InitOptions): Promise<readonly InitChart[]> {
  const releases = options.releases === undefined ? [] : await readReleases(context, options.releases);
  if (options.releases !== undefined && releases.length + options.charts.length === 0) {
    throw new AirgapError('cluster', 'the cluster has no release of Helm', {
      hint: 'compare with helm list --all-namespaces, or name the charts: helm airgap init CHART...',
    });
  }
  let known: Promise<Repositories> | undefined;
  const repositories = (): Promise<Repositories> => {
    known ??= readRepositories(context);
    return known;
  };
  const given = await withScratch(context, (scratch) =>
    settleEach(options.charts, CONCURRENCY, (request, i) =>
      givenChart(context, request, join(scratch, String(i)), options, repositories),
    ),
  );
  return [
    ...given,
    ...(await releasedCharts(context, releases, releases.length === 0 ? new Map() : await repositories())),
  ];
}

async function givenChart(
  context: Context,
  request: ChartRequest,
  scratch: string,
  { sources, localPath }: InitOptions,
  repositories: () => Promise<Repositories>,
): Promise<InitChart> {
  const path = resolve(context.cwd, request.chart);
  const isLocal = request.repo === undefined && !request.chart.includes('://');
  const found = isLocal ? await stat(path).catch(() => undefined) : undefined;
  if (found?.isDirectory()) return { chart: localPath(path), ...(await folderChart(path, request.chart)), ...COMPLETE };
  const { metadata } = await fetchChart(new Helm(context), request, scratch, context.cwd, sources);
  if (found !== undefined) return { chart: localPath(path), ...COMPLETE };
  // The URL of an archive names its version.
  const version = /^https?:\/\//i.test(request.chart) ? {} : { version: metadata.version };
  if (request.repo !== undefined)
    return { chart: request.chart, repo: withoutSecrets(request.repo), ...version, ...COMPLETE };
  // `NAME/CHART` is known to this user's Helm only; the URL is for all.
  const [, alias = '', name = ''] = /^([^/]+)\/([^/]+)$/.exec(request.chart) ?? [];
  const repo = alias === '' ? undefined : (await repositories()).get(alias);
  if (repo !== undefined) return { chart: name, repo, ...version, ...COMPLETE };
  return { chart: withoutSecrets(request.chart), ...version, ...COMPLETE };
}

const COMPLETE = { candidates: [], lacksRepo: false } as const;

/** Reads a chart folder: Helm would package it, and fail without its dependencies. */
async function folderChart(path: string, shown: string): Promise<{ readonly dependencyUpdate?: true }> {
  const text = await readFile(join(path, 'Chart.yaml'), 'utf8').catch((cause: unknown) => {
    throw new AirgapError('chart-not-found', `the folder ${shown} has no Chart.yaml that can be read`, {
      hint: 'name the folder of a chart',
      cause,
    });
  });
  parseMetadata(text, shown);
  const hasDependencies = (await dependencyRepositories(path)).length > 0;
  const hasCharts = (await stat(join(path, 'charts')).catch(() => undefined))?.isDirectory() ?? false;
  return hasDependencies && !hasCharts ? { dependencyUpdate: true } : {};
}

async function releasedCharts(
  context: Context,
  releases: readonly Release[],
  repositories: Repositories,
): Promise<InitChart[]> {
  const key = ({ chart, version }: Release): string => `${chart} ${version}`;
  const distinct = [...new Map(releases.map((release) => [key(release), release])).values()];
  const found = await settleEach(distinct, CONCURRENCY, (release) => repositoriesWith(context, repositories, release));
  const urls = new Map(distinct.map((release, i) => [key(release), found[i] ?? []]));
  const names = new UniqueFileNames();
  return releases.map((release) => {
    const { name, namespace, chart, version, values } = release;
    const candidates = urls.get(key(release)) ?? [];
    const [only] = candidates;
    const repo = candidates.length === 1 ? only : undefined;
    return {
      ...{ chart, ...(repo !== undefined && { repo }), version, releaseName: name, namespace },
      ...{ candidates: repo === undefined ? candidates : [], lacksRepo: repo === undefined },
      ...(values !== undefined && {
        values: { file: `${names.take(toFileName(namespace, name))}.yaml`, text: values },
      }),
    };
  });
}
