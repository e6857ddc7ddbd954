import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError } from '../base/errors.ts';
import { accessArguments, type ChartAccess, REPOSITORY, withoutUserInfo, writeCredentials } from './access.ts';
import { reachOf } from './environment.ts';
import type { ChartRequest } from './fetch.ts';
import type { Helm, HelmResult, RunOptions } from './helm.ts';
import { refusal } from './refusal.ts';
import { type FindLogin, loginFor, type RegistryLogin, writeRegistryLogins } from './registry-login.ts';

/** Milliseconds for a chart and its dependencies, some MB. Helm itself waits for ever on a server that stops sending. */
export const PATIENCE = 10 * 60_000;

/** Tries in all. Helm asks again itself where a server answers 429 or 5xx, and gives up when a connection breaks. */
const ATTEMPTS = 3;

/** Milliseconds before the second try; twice as long before the third. */
const PAUSE = 1000;

/** What Helm says of a body that did not come as it was sent. */
const BROKEN =
  /connection reset|broken pipe|\bEOF\b|i\/o timeout|TLS handshake timeout|idle connection|mismatched digest|mismatch Content-Length/;

/**
 * Has Helm pull a chart, with its provenance file where there is one.
 * @param download folder that gets the archive
 * @param work folder for credentials; it is gone afterwards
 * @param login finds credentials for a chart of an OCI registry that comes without
 * @throws AirgapError `chart-not-found`, `unauthorized`, `network`, `usage`, `config`
 */
export async function pullChart(
  helm: Helm,
  request: ChartRequest,
  download: string,
  work: string,
  login?: FindLogin,
): Promise<void> {
  const { chart, repo, version } = request;
  if (repo === '') {
    throw new AirgapError(
      'chart-not-found',
      `nothing says which repository has chart ${chart} ${version ?? ''}`.trim(),
      {
        hint: 'put its archive into a folder, and name that with --chart-mirror *=FOLDER',
      },
    );
  }
  // Helm is told where its options end, and no address or name begins like one all the same.
  if (chart.startsWith('-') || repo?.startsWith('-')) {
    throw new AirgapError('usage', `"${chart.startsWith('-') ? chart : repo}" is no chart: it begins like an option`, {
      hint: 'give a chart folder, a .tgz, oci://…, or a name with --repo URL',
    });
  }
  const what = `fetch chart ${chart}${version ? ` ${version}` : ''}${repo ? ` from ${repo}` : ''}`;
  const plan = await planOf(request, work, login);
  try {
    for (let attempt = 1; ; attempt++) {
      const { exitCode, stderr } = await pullOnce(helm, plan, [`--destination=${download}`]);
      if (exitCode === 0) return;
      if (attempt === ATTEMPTS || !BROKEN.test(stderr)) throw withLogin(refusal(what, stderr, 'chart-not-found'), plan);
      await sleep(PAUSE * 2 ** (attempt - 1));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** How a chart is asked for. */
interface Plan {
  /** As Helm takes it behind its options. */
  readonly chart: string;
  readonly args: readonly string[];
  readonly options: RunOptions;
  /** Whether the index of the repository with the credentials has to be there first. */
  readonly needsIndex: boolean;
  /** The login that Helm was given, where it would not have found it. */
  readonly login?: RegistryLogin | undefined;
}

async function planOf(request: ChartRequest, work: string, login: FindLogin | undefined): Promise<Plan> {
  const { version, devel } = request;
  const given = request.access ?? {};
  const { address, access } = withoutUserInfo(request.repo ?? request.chart, given);
  const args = [
    ...accessArguments(access),
    ...(version === undefined ? [] : [`--version=${version}`]),
    ...(devel ? ['--devel'] : []),
    // A provenance file travels with its chart; for the many that have none Helm warns, and goes on.
    '--prov',
  ];
  const options = { reach: reachOf(address), patience: PATIENCE };
  const isRepo = request.repo !== undefined;
  if (access.username === undefined && access.password === undefined) {
    const repo = isRepo ? [`--repo=${address}`] : [];
    const found = isRepo ? undefined : await loginFor(address, login);
    const env = found && (await writeRegistryLogins(work, [found]));
    return {
      chart: isRepo ? request.chart : address,
      args: [...repo, ...args],
      options: env === undefined ? options : { ...options, env },
      needsIndex: false,
      login: found,
    };
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(address)) throw namedRepository(address);
  const isArchive = !isRepo && !address.startsWith('oci://');
  const env = await credentialsFor(address, access, isArchive, work);
  const chart = isRepo ? `${REPOSITORY}/${request.chart}` : address;
  return { chart, args, options: { ...options, env }, needsIndex: isRepo };
}

/** The error with the login that was refused; Helm does not know where that came from. */
function withLogin(error: AirgapError, { login }: Plan): AirgapError {
  if (error.code !== 'unauthorized' || login === undefined) return error;
  const hint = `Helm was given ${login.description}: correct it, or log in with helm registry login`;
  return new AirgapError(error.code, error.message, { hint });
}

function credentialsFor(
  address: string,
  access: ChartAccess,
  isArchive: boolean,
  work: string,
): Promise<Record<string, string>> {
  if (!isArchive) return writeCredentials(work, address, access);
  const host = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+/i.exec(address)?.[0] ?? address;
  return writeCredentials(work, host, access, [address]);
}

function namedRepository(chart: string): AirgapError {
  return new AirgapError('usage', `--username and --password are not for ${chart}, of a repository that Helm knows`, {
    hint: 'give them to helm repo add, or name the repository with --repo URL',
  });
}

async function pullOnce(helm: Helm, plan: Plan, destination: readonly string[]): Promise<HelmResult> {
  const { chart, args, options, needsIndex } = plan;
  if (needsIndex) {
    // Helm 3 says what went wrong on its output, and ends as if nothing had.
    const update = await helm.run(['repo', 'update', REPOSITORY], options);
    const lines = `${update.stdout}${update.stderr}`.split('\n');
    const failed = lines.findIndex((line) => line.includes('Unable to get an update from'));
    const wrong = failed >= 0 ? lines[failed + 1] : lines.find((line) => line.startsWith('Error: '));
    if (update.exitCode !== 0 || wrong !== undefined) {
      const said = (wrong ?? update.stderr).trim();
      return { ...update, exitCode: 1, stderr: `not a valid chart repository or cannot be reached: ${said}` };
    }
  }
  return helm.run(['pull', ...destination, ...args, '--', chart], options);
}
