import { copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError } from '../base/errors.ts';
import { packChart, readArchive, unpackChart } from './chart-archive.ts';
import { type ChartMetadata, parseMetadata } from './chart-metadata.ts';
import { type ChartSources, mirrored, UPSTREAM } from './chart-mirrors.ts';
import type { Helm } from './helm.ts';
import { refusal } from './refusal.ts';

/** Which chart, as Helm's own commands take it. */
export interface ChartRequest {
  /** Folder, .tgz, `oci://…`, URL, `repo/name`, or a name in `repo`. */
  readonly chart: string;
  /** Address of the repository; empty when nobody knows it, and only a mirror of all of them can help. */
  readonly repo?: string;
  readonly version?: string;
  readonly devel?: boolean;
  readonly dependencyUpdate?: boolean;
  /** Flags for a chart repository's or registry's credentials and TLS, passed on as they are. */
  readonly access?: readonly string[];
}

/** A chart on disk. */
export interface Chart {
  readonly metadata: ChartMetadata;
  /** The .tgz. Exactly the upstream's bytes, when it came as one. */
  readonly archive: string;
  /** Name of the folder in it. */
  readonly root: string;
  /** Its provenance file, when there is one. */
  readonly provenance: Buffer | undefined;
  /** Where it came from, without paths of this machine and without secrets. */
  readonly source: string;
  /** What was asked for. */
  readonly request: ChartRequest;
  /** What was asked for in fact: the same, or what a mirror has in its place. */
  readonly fetched: ChartRequest;
}

/**
 * Brings a chart into `workFolder` (absolute; made when missing), whatever form it was asked for in.
 * @throws AirgapError `chart-not-found`, `chart-invalid`, `unauthorized`
 */
export async function fetchChart(
  helm: Helm,
  request: ChartRequest,
  workFolder: string,
  cwd: string,
  sources: ChartSources = UPSTREAM,
): Promise<Chart> {
  const download = join(workFolder, 'download');
  await mkdir(download, { recursive: true });
  const mirror = await mirrored(sources.mirrors, request);
  const fetched = withPlainHttp(mirror ?? request, sources);
  const local = await localKind(fetched, cwd);
  if (local === 'folder') await packageFolder(helm, fetched, resolve(cwd, fetched.chart), download);
  else if (local === 'file') await copyArchive(resolve(cwd, fetched.chart), download);
  else await pull(helm, fetched, download);

  const files = await readdir(download);
  const archiveName = files.find((file) => file.endsWith('.tgz') || file.endsWith('.tar.gz'));
  if (archiveName === undefined) {
    throw new AirgapError('chart-not-found', `Helm fetched ${request.chart} and left no chart archive`);
  }
  const archive = join(download, archiveName);
  if (local === 'folder') await packChart(await unpackChart(archive, join(workFolder, 'chart')), archive);
  const { root, files: read } = await readArchive(archive, /^Chart\.yaml$/);
  const metadata = parseMetadata(read.get('Chart.yaml')?.toString('utf8') ?? '', request.chart);
  const provenanceName = files.find((file) => file.endsWith('.prov'));
  const provenance = provenanceName === undefined ? undefined : await readFile(join(download, provenanceName));
  // A mirror holds what upstream has: where it came from is upstream, and equal on every machine.
  const source = describeSource(request, mirror === undefined ? local : undefined, cwd);
  return { metadata, archive, root, provenance, source, request, fetched };
}

/** Helm is told of each registry that speaks HTTP, also of one that a mirror names. */
function withPlainHttp(request: ChartRequest, { plainHttp }: ChartSources): ChartRequest {
  const { chart, access = [] } = request;
  const host = /^oci:\/\/([^/]+)/.exec(chart)?.[1];
  if (host === undefined || !plainHttp.includes(host) || access.includes('--plain-http')) return request;
  return { ...request, access: [...access, '--plain-http'] };
}

async function localKind({ chart, repo }: ChartRequest, cwd: string): Promise<'folder' | 'file' | undefined> {
  if (repo !== undefined || /^[a-z][a-z0-9+.-]*:\/\//i.test(chart)) return undefined;
  const found = await stat(resolve(cwd, chart)).catch(() => undefined);
  if (found?.isDirectory()) return 'folder';
  if (found?.isFile()) return 'file';
  if (/^[./~]|\.tgz$/.test(chart)) {
    throw new AirgapError('chart-not-found', `there is no chart at ${chart}`, {
      hint: 'give a chart folder, a .tgz, oci://…, or a name with --repo URL',
    });
  }
  return undefined;
}

/** Milliseconds for a chart and its dependencies, some MB. Helm itself waits for ever on a server that stops sending. */
const PATIENCE = 10 * 60_000;

/** Tries in all. Helm asks again itself where a server answers 429 or 5xx, and gives up when a connection breaks. */
const ATTEMPTS = 3;

/** Milliseconds before the second try; twice as long before the third. */
const PAUSE = 1000;

/** What Helm says of a body that did not come as it was sent. */
const BROKEN =
  /connection reset|broken pipe|\bEOF\b|i\/o timeout|TLS handshake timeout|idle connection|mismatched digest|mismatch Content-Length/;

async function packageFolder(helm: Helm, request: ChartRequest, folder: string, download: string): Promise<void> {
  const update = request.dependencyUpdate ? ['--dependency-update'] : [];
  const { exitCode, stderr } = await helm.run(['package', folder, '--destination', download, ...update], PATIENCE);
  if (exitCode !== 0) throw refusal(`package the chart in ${request.chart}`, stderr);
}

async function copyArchive(archive: string, download: string): Promise<void> {
  const name = basename(archive);
  await copyFile(archive, join(download, name.endsWith('.tgz') || name.endsWith('.tar.gz') ? name : `${name}.tgz`));
  await copyFile(`${archive}.prov`, join(download, `${name}.prov`)).catch(() => {});
}

async function pull(helm: Helm, request: ChartRequest, download: string): Promise<void> {
  const { chart, repo, version, devel, access = [] } = request;
  if (repo === '') {
    throw new AirgapError(
      'chart-not-found',
      `nothing says which repository has chart ${chart} ${version ?? ''}`.trim(),
      {
        hint: 'put its archive into a folder, and name that with --chart-mirror *=FOLDER',
      },
    );
  }
  const args = ['pull', chart, '--destination', download, ...access];
  if (repo !== undefined) args.push('--repo', repo);
  if (version !== undefined) args.push('--version', version);
  if (devel) args.push('--devel');
  // A provenance file travels with its chart; for the many that have none Helm warns, and goes on.
  const what = `fetch chart ${chart}${version ? ` ${version}` : ''}${repo ? ` from ${repo}` : ''}`;
  for (let attempt = 1; ; attempt++) {
    const { exitCode, stderr } = await helm.run([...args, '--prov'], PATIENCE);
    if (exitCode === 0) return;
    if (attempt === ATTEMPTS || !BROKEN.test(stderr)) throw refusal(what, stderr, 'chart-not-found');
    await sleep(PAUSE * 2 ** (attempt - 1));
  }
}

function describeSource({ chart, repo }: ChartRequest, local: 'folder' | 'file' | undefined, cwd: string): string {
  if (local !== undefined) return basename(resolve(cwd, chart));
  return repo === undefined || repo === ''
    ? withoutSecrets(chart)
    : `${withoutSecrets(repo).replace(/\/+$/, '')}/${chart}`;
}

/** A URL without user info and query, where tokens are. */
export function withoutSecrets(url: string): string {
  return url.includes('://') ? url.replace(/:\/\/[^/]*@(?!sha)/, '://').replace(/\?.*$/, '') : url;
}
