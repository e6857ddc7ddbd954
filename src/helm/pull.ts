import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError } from '../base/errors.ts';
import type { FindLogin, RegistryLogin } from '../base/registry-login.ts';
import {
  accessArguments,
  type ChartAccess,
  type ChartRequest,
  loginFor,
  TEMPORARY_REPOSITORY,
  withoutUserInfo,
  writeCredentials,
  writeRegistryLogins,
} from './access.ts';
import { environmentScopeFor } from './environment.ts';
import type { Helm, HelmResult, HelmRunOptions } from './helm.ts';
import { helmError } from './helm-error.ts';

/** Milliseconds to fetch a chart and its dependencies, a few MB. Helm has no timeout for stalled servers. */
export const PULL_TIMEOUT = 10 * 60_000;

/** Total attempts. Helm itself retries on status 429 and 5xx, but not on broken connections. */
const ATTEMPTS = 3;

/** Milliseconds before the second attempt, doubled before the third. */
const RETRY_DELAY = 1000;

/** Helm's messages for broken transfers. */
const BROKEN_TRANSFER =
  /connection reset|broken pipe|\bEOF\b|i\/o timeout|TLS handshake timeout|idle connection|mismatched digest|mismatch Content-Length/;

/**
 * Pulls a chart with Helm, with its provenance file if there is one.
 * @param download folder for the archive
 * @param work folder for credentials; deleted afterwards
 * @param findLogin finds credentials for charts in OCI registries that were specified without
 * @throws AirgapError `chart-not-found`, `unauthorized`, `network`, `usage`, `config`
 */
export async function pullChart(
  helm: Helm,
  request: ChartRequest,
  download: string,
  work: string,
  findLogin?: FindLogin,
): Promise<void> {
  const { chart, repo, version } = request;
  if (repo === '') {
    throw new AirgapError(
      'chart-not-found',
      `the repository of chart ${`${chart} ${version ?? ''}`.trim()} is unknown`,
      {
        hint: 'put its archive into a folder, and specify it with --chart-mirror *=FOLDER',
      },
    );
  }
  // Second line of defence: the command also ends Helm's options with `--`.
  if (chart.startsWith('-') || repo?.startsWith('-')) {
    throw new AirgapError('usage', `"${chart.startsWith('-') ? chart : repo}" is not a chart: it starts with a dash`, {
      hint: 'specify a chart folder, a .tgz, oci://..., or a name with --repo URL',
    });
  }
  const action = `fetch chart ${chart}${version ? ` ${version}` : ''}${repo ? ` from ${repo}` : ''}`;
  const command = await pullCommandFor(request, work, findLogin);
  try {
    for (let attempt = 1; ; attempt++) {
      const { exitCode, stderr } = await pullOnce(helm, command, [`--destination=${download}`]);
      if (exitCode === 0) return;
      if (attempt === ATTEMPTS || !BROKEN_TRANSFER.test(stderr))
        throw withLoginHint(helmError(action, stderr, 'chart-not-found'), command);
      await sleep(RETRY_DELAY * 2 ** (attempt - 1));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Helm command that pulls a chart. */
interface PullCommand {
  /** Positional argument. */
  readonly chart: string;
  readonly args: readonly string[];
  readonly options: HelmRunOptions;
  /** True if `helm repo update` has to fetch the index with the credentials first. */
  readonly needsIndex: boolean;
  /** Login passed to Helm because Helm would not find it itself. */
  readonly login?: RegistryLogin | undefined;
}

async function pullCommandFor(
  request: ChartRequest,
  work: string,
  findLogin: FindLogin | undefined,
): Promise<PullCommand> {
  const { version, devel } = request;
  const requestAccess = request.access ?? {};
  const { address, access } = withoutUserInfo(request.repo ?? request.chart, requestAccess);
  const args = [
    ...accessArguments(access),
    ...(version === undefined ? [] : [`--version=${version}`]),
    ...(devel ? ['--devel'] : []),
    // Also fetches provenance files; Helm only warns about charts without one.
    '--prov',
  ];
  const options = { scope: environmentScopeFor(address), timeout: PULL_TIMEOUT };
  const hasRepo = request.repo !== undefined;
  if (access.username === undefined && access.password === undefined) {
    const repo = hasRepo ? [`--repo=${address}`] : [];
    const login = hasRepo ? undefined : await loginFor(address, findLogin);
    const env = login && (await writeRegistryLogins(work, [login]));
    return {
      chart: hasRepo ? request.chart : address,
      args: [...repo, ...args],
      options: env === undefined ? options : { ...options, env },
      needsIndex: false,
      login,
    };
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(address)) throw namedRepositoryError(address);
  const isArchive = !hasRepo && !address.startsWith('oci://');
  const env = await credentialsFor(address, access, isArchive, work);
  const chart = hasRepo ? `${TEMPORARY_REPOSITORY}/${request.chart}` : address;
  return { chart, args, options: { ...options, env }, needsIndex: hasRepo };
}

/** Names the refused login in the hint, since Helm does not know its source. */
function withLoginHint(error: AirgapError, { login }: PullCommand): AirgapError {
  if (error.code !== 'unauthorized' || login === undefined) return error;
  const hint = `Helm used ${login.description}: correct it, or log in with helm airgap login`;
  return error.with({ hint });
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

function namedRepositoryError(chart: string): AirgapError {
  return new AirgapError(
    'usage',
    `--username and --password cannot be used for ${chart}, which is in a repository configured in Helm`,
    {
      hint: 'pass them to helm repo add, or specify the repository with --repo URL',
    },
  );
}

async function pullOnce(helm: Helm, command: PullCommand, destination: readonly string[]): Promise<HelmResult> {
  const { chart, args, options, needsIndex } = command;
  if (needsIndex) {
    // Helm 3 prints the error to its output but exits with 0.
    const update = await helm.run(['repo', 'update', TEMPORARY_REPOSITORY], options);
    const lines = `${update.stdout}${update.stderr}`.split('\n');
    const failedLine = lines.findIndex((line) => line.includes('Unable to get an update from'));
    const errorLine = failedLine >= 0 ? lines[failedLine + 1] : lines.find((line) => line.startsWith('Error: '));
    if (update.exitCode !== 0 || errorLine !== undefined) {
      const reason = (errorLine ?? update.stderr).trim();
      return { ...update, exitCode: 1, stderr: `not a valid chart repository or cannot be reached: ${reason}` };
    }
  }
  return helm.run(['pull', ...destination, ...args, '--', chart], options);
}
