import { copyFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { fileFailure, reasonOf } from '../base/file-failure.ts';
import { isPlainHttp } from '../base/host-spellings.ts';
import { printableLine } from '../base/printable.ts';
import { runStep } from '../base/step.ts';
import { textBefore, trimTrailing } from '../base/text-trim.ts';
import { type ChartRequest, writeDependencyLogins } from './access.ts';
import { parseOciAddress } from './addresses.ts';
import { packChart, readArchive, unpackChart } from './chart-archive.ts';
import { copyWithDependencies, dependencyRepositories } from './chart-dependencies.ts';
import { type ChartMetadata, parseMetadata } from './chart-metadata.ts';
import { applyMirrors, type ChartSources, UPSTREAM } from './chart-mirrors.ts';
import { environmentScopeFor, widestScope } from './environment.ts';
import type { Helm } from './helm.ts';
import { helmError } from './helm-error.ts';
import { checkPublicAddress } from './public-address.ts';
import { PULL_TIMEOUT, pullChart } from './pull.ts';

/** Chart on disk. */
export interface Chart {
  readonly metadata: ChartMetadata;
  /** Path of the .tgz. Has exactly the upstream bytes if it was fetched as an archive. */
  readonly archive: string;
  /** Name of the top folder in the archive. */
  readonly root: string;
  /** Provenance file, if there is one. */
  readonly provenance: Buffer | undefined;
  /** Source of the chart, without local paths and secrets. */
  readonly source: string;
  /** Request as specified. */
  readonly request: ChartRequest;
  /** Request that was sent: the same, or the one to a mirror. */
  readonly fetchedRequest: ChartRequest;
}

/** Returns name and version of a chart, for titles of steps. */
export function titleOf({
  metadata: { name, version },
}: {
  readonly metadata: Pick<Chart['metadata'], 'name' | 'version'>;
}): string {
  return printableLine(`${name} ${version}`);
}

/** Throws if a repository or chart must not be fetched from an address. */
export type AllowAddress = (address: string) => Promise<void>;

/**
 * Fetches a chart of any form into `workFolder` (absolute; created if missing).
 * @param allow checks the address first, unless a mirror replaces it
 * @throws AirgapError `chart-not-found`, `chart-invalid`, `unauthorized`
 */
export function fetchChart(
  helm: Helm,
  request: ChartRequest,
  workFolder: string,
  cwd: string,
  sources: ChartSources = UPSTREAM,
  allow: AllowAddress = async () => {},
): Promise<Chart> {
  const { chart, version, repo } = request;
  const from = repo ? ` from ${URL.canParse(repo) ? new URL(repo).host : withoutSecrets(repo)}` : '';
  const title = `fetching chart ${withoutSecrets(chart)}${version ? ` ${version}` : ''}${from}`;
  return runStep(helm.emit, printableLine(title), () => fetchToFolder(helm, request, workFolder, cwd, sources, allow));
}

async function fetchToFolder(
  helm: Helm,
  request: ChartRequest,
  workFolder: string,
  cwd: string,
  sources: ChartSources,
  allow: AllowAddress,
): Promise<Chart> {
  const download = join(workFolder, 'download');
  await mkdir(download, { recursive: true });
  const mirror = await applyMirrors(sources.mirrors, request);
  if (mirror === undefined) await allow(request.repo ?? request.chart);
  const fetchedRequest = await withClientCertificate(withPlainHttp(mirror ?? request, sources), sources);
  const localKind = await localSourceKind(fetchedRequest, cwd);
  if (localKind === 'folder') {
    const folders = { folder: resolve(cwd, fetchedRequest.chart), work: join(workFolder, 'source'), download };
    await packageFolder(helm, fetchedRequest, folders, sources);
  } else if (localKind === 'file') await copyArchive(resolve(cwd, fetchedRequest.chart), download);
  else await pullChart(helm, fetchedRequest, download, join(workFolder, 'login'), sources.findLogin);

  const downloads = await readdir(download);
  const archiveName = downloads.find((file) => file.endsWith('.tgz') || file.endsWith('.tar.gz'));
  if (archiveName === undefined) {
    throw new AirgapError('chart-not-found', `Helm fetched ${request.chart} but wrote no chart archive`);
  }
  const archive = join(download, archiveName);
  if (localKind === 'folder') await packChart(await unpackChart(archive, join(workFolder, 'chart')), archive);
  const { root, files } = await readArchive(archive, /^Chart\.yaml$/, withoutSecrets(fetchedRequest.chart));
  const metadata = parseMetadata(files.get('Chart.yaml')?.toString('utf8') ?? '', request.chart);
  const provenanceName = downloads.find((file) => file.endsWith('.prov'));
  const provenance = provenanceName === undefined ? undefined : await readFile(join(download, provenanceName));
  // A mirror has the upstream's content, so the upstream is the source, which is equal on every machine.
  const source = describeSource(request, mirror === undefined ? localKind : undefined, cwd);
  return { metadata, archive, root, provenance, source, request, fetchedRequest };
}

/** Sets `plainHttp` for registries without TLS, including mirrors. */
function withPlainHttp(request: ChartRequest, { plainHttp }: ChartSources): ChartRequest {
  const host = parseOciAddress(request.chart)?.host;
  if (host === undefined || !isPlainHttp(host, plainHttp)) return request;
  return { ...request, access: { ...request.access, plainHttp: true } };
}

/**
 * Adds the client certificate for the host; one specified for the chart takes precedence. Root certificates of certs.d
 * are not passed on: Helm would then trust no others, not even for the storage that a registry redirects to.
 */
async function withClientCertificate(request: ChartRequest, { certificates }: ChartSources): Promise<ChartRequest> {
  const host = /^(?:oci|https):\/\/(?:[^/?#]*@)?([^/?#@]+)/i.exec(request.repo ?? request.chart)?.[1];
  if (host === undefined || certificates === undefined || request.access?.certFile !== undefined) return request;
  const { certFile, keyFile } = (await certificates(host.toLowerCase())) ?? {};
  if (certFile === undefined || keyFile === undefined) return request;
  return { ...request, access: { ...request.access, certFile, keyFile } };
}

async function localSourceKind({ chart, repo }: ChartRequest, cwd: string): Promise<'folder' | 'file' | undefined> {
  if (repo !== undefined || /^[a-z][a-z0-9+.-]*:\/\//i.test(chart)) return undefined;
  const info = await stat(resolve(cwd, chart)).catch(() => undefined);
  if (info?.isDirectory()) return 'folder';
  if (info?.isFile()) return 'file';
  if (/^[./~]|\.tgz$/.test(chart)) {
    throw new AirgapError('chart-not-found', `no chart at ${chart}`, {
      hint: 'specify a chart folder, a .tgz, oci://..., or a name with --repo URL',
    });
  }
  return undefined;
}

/**
 * Lets Helm package a copy of a chart folder. Helm follows links anywhere, so it reads only the checked copy.
 * @throws AirgapError `chart-invalid`
 */
async function packageFolder(
  helm: Helm,
  request: ChartRequest,
  folders: { readonly folder: string; readonly work: string; readonly download: string },
  { linkRoots = [], allowedHosts, findLogin, plainHttp, caFile }: ChartSources,
): Promise<void> {
  const { folder, work, download } = folders;
  const repositories = request.dependencyUpdate ? await dependencyRepositories(folder) : [];
  const localDependencies = repositories.flatMap((repository) => /^file:\/\/(.*)$/s.exec(repository)?.[1] ?? []);
  // Other schemes belong to plugins; names of repositories are configured by the user.
  for (const repository of repositories)
    if (/^(?:https?|oci):/i.test(repository)) await checkPublicAddress(repository, allowedHosts);
  const copy = await copyWithDependencies(folder, localDependencies, work, linkRoots);
  const registries = repositories.flatMap((repository) => parseOciAddress(repository)?.host ?? []);
  // The flag applies to all registries, so all must be without TLS: a login must not be sent unencrypted to the others.
  const isPlain = registries.length > 0 && registries.every((registry) => isPlainHttp(registry, plainHttp));
  const flags = [...(request.dependencyUpdate ? ['--dependency-update'] : []), ...(isPlain ? ['--plain-http'] : [])];
  const credentials = `${work}-login`;
  const env = await writeDependencyLogins(helm, repositories, credentials, findLogin);
  const run = (...extraFlags: readonly string[]): ReturnType<Helm['run']> =>
    helm.run(['package', `--destination=${download}`, ...flags, ...extraFlags, '--', copy], {
      scope: widestScope(repositories.map(environmentScopeFor)),
      timeout: PULL_TIMEOUT,
      env,
    });
  // With --ca-file Helm trusts no other authorities, so it is only used if the first run fails without it.
  const packaged = run().then((result) => {
    const isUntrusted = result.exitCode !== 0 && /signed by unknown authority/.test(result.stderr);
    return isUntrusted && caFile !== undefined && registries.length > 0 ? run(`--ca-file=${caFile}`) : result;
  });
  const { exitCode, stderr } = await packaged.finally(() => rm(credentials, { recursive: true, force: true }));
  if (exitCode !== 0) throw helmError(`package the chart in ${request.chart}`, stderr.replaceAll(copy, request.chart));
}

async function copyArchive(archive: string, download: string): Promise<void> {
  const name = basename(archive);
  const copied = name.endsWith('.tgz') || name.endsWith('.tar.gz') ? name : `${name}.tgz`;
  await copyFile(archive, join(download, copied)).catch((cause: unknown) => {
    const failure = fileFailure(cause);
    // The copy is the tool's own: only a full disk concerns it.
    if (failure === undefined || failure.code === 'no-space') throw cause;
    throw new AirgapError('file', `the chart archive ${archive} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  await copyFile(`${archive}.prov`, join(download, `${name}.prov`)).catch(() => {});
}

function describeSource({ chart, repo }: ChartRequest, localKind: 'folder' | 'file' | undefined, cwd: string): string {
  if (localKind !== undefined) return basename(resolve(cwd, chart));
  return repo === undefined || repo === ''
    ? withoutSecrets(chart)
    : `${trimTrailing(withoutSecrets(repo), '/')}/${chart}`;
}

/** Removes user information and query, which may hold tokens, from a URL. */
export function withoutSecrets(url: string): string {
  return url.includes('://') ? textBefore(url.replace(/:\/\/[^/]*@(?!sha)/, '://'), '?') : url;
}
