import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { isPlainHttp } from '../../base/host-spellings.ts';
import { checkName } from '../../base/names.ts';
import { registerSecret } from '../../base/redact.ts';
import type { ChartAccess, ChartRequest } from '../../helm/access.ts';
import type { RenderOptions } from '../../helm/render.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { Config } from '../config/schema.ts';
import type { RenderFlags } from './charts.ts';
import { givenFlags } from './option.ts';

/** Trust of connections to chart repositories. */
interface ChartTrust {
  readonly caFile?: string;
  readonly plainHttp: readonly string[];
}

/** Returns the render options of the flags, without limits. @throws AirgapError `usage` */
export function renderOptions(flags: RenderFlags): RenderOptions {
  const { values, set, setString, setJson, setFile, setLiteral, apiVersions } = flags;
  const { kubeVersion, skipSchemaValidation, releaseName } = flags;
  // A chart is rendered several times, but standard input can be read only once.
  if (values.includes('-')) {
    throw new AirgapError('usage', '-f -: values cannot be read from standard input', { hint: 'write them to a file' });
  }
  if (releaseName !== undefined) checkName('release name', releaseName, '--release-name', 'usage');
  const texts = { values, set, setString, setJson, setFile, setLiteral, apiVersions };
  return { ...texts, kubeVersion, skipSchemaValidation, releaseName };
}

/** Credentials for a chart repository or registry. */
type Credentials = Pick<RenderFlags, 'username' | 'password' | 'certFile' | 'keyFile' | 'passCredentials'>;

/** Returns the access of helm pull to a chart repository. */
export function chartAccessOf(credentials: Credentials, chart: string, { caFile, plainHttp }: ChartTrust): ChartAccess {
  const { username, password, certFile, keyFile, passCredentials } = credentials;
  // Helm may print it in error messages.
  if (password !== undefined) registerSecret(password);
  const host = /^oci:\/\/([^/]+)/.exec(chart)?.[1];
  return {
    // Without own keys, so that they can be laid over the user information of a URL.
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    certFile,
    keyFile,
    caFile,
    passCredentials,
    plainHttp: host !== undefined && isPlainHttp(host, plainHttp) ? true : undefined,
  };
}

/** Returns the request for a chart on the command line. */
export function chartRequest(chart: string, flags: RenderFlags, trust: ChartTrust): ChartRequest {
  const { repo, version, devel, dependencyUpdate } = flags;
  return { chart, access: chartAccessOf(flags, chart, trust), repo, version, devel, dependencyUpdate };
}

/**
 * Returns the charts of a configuration file with their profiles.
 * @param folder of the file, the base of its relative paths
 */
export function chartJobs(
  { charts }: Pick<Config, 'charts'>,
  folder: string,
  trust: ChartTrust,
  limits: RenderOptions['limits'],
): ChartJob[] {
  return charts.map((entry) => {
    const { chart: name, repo, version, releaseName, namespace, dependencyUpdate, devel } = entry;
    const path = resolve(folder, name);
    const isPath = repo === undefined && !isUrl(name) && (/^[./]|\.tgz$/.test(name) || existsSync(path));
    // A chart's own credentials. Those of the command line apply only to charts on the command line.
    const access = chartAccessOf({ username: entry.username, password: entry.password }, name, trust);
    const profiles = entry.profiles ?? [{ name: 'default' }];
    return {
      request: { chart: isPath ? path : name, access, repo, version, dependencyUpdate, devel },
      profiles: profiles.map(({ name: profile, values = [], setFile = [], ...rest }) => ({
        name: profile,
        options: {
          limits,
          releaseName,
          namespace,
          ...rest,
          values: values.map((file) => (isUrl(file) ? file : resolve(folder, file))),
          setFile: setFile.map((text) => text.replace(/=([\s\S]*)/, (_, file: string) => `=${resolve(folder, file)}`)),
        },
      })),
    };
  });
}

/** Returns the charts without the parts that are not installed, which are not rendered then. */
export function withoutParts(
  jobs: readonly ChartJob[],
  skipped: Pick<RenderOptions, 'noHooks' | 'skipTests'>,
): ChartJob[] {
  return jobs.map(({ request, profiles }) => ({
    request,
    profiles: profiles.map(({ name, options }) => ({ name, options: { ...options, ...skipped } })),
  }));
}

/** Returns true for a text with a scheme. Helm fetches those: plugins add further schemes. */
function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/**
 * Refuses render flags if no chart is given on the command line. They do not apply to the charts of a configuration file,
 * and ignored values could leave images out.
 * @throws AirgapError `usage`
 */
export function refuseUnusedRenderFlags(flags: RenderFlags): void {
  const { values, set, setString, setJson, setFile, setLiteral, apiVersions } = flags;
  const { kubeVersion, skipSchemaValidation, repo, version, devel, dependencyUpdate, releaseName } = flags;
  const unused = givenFlags({
    '-f': values.length > 0,
    '--set': set.length > 0,
    '--set-string': setString.length > 0,
    '--set-json': setJson.length > 0,
    '--set-file': setFile.length > 0,
    '--set-literal': setLiteral.length > 0,
    '--api-versions': apiVersions.length > 0,
    '--kube-version': kubeVersion !== undefined,
    '--skip-schema-validation': skipSchemaValidation,
    '--repo': repo !== undefined,
    '--version': version !== undefined,
    '--release-name': releaseName !== undefined,
    '--devel': devel,
    '--dependency-update': dependencyUpdate,
  });
  if (unused.length === 0) return;
  throw new AirgapError('usage', `${unused.join(', ')}: no chart on the command line to apply to`, {
    hint: 'set these in the profiles of the configuration file',
  });
}
