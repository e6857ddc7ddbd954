import { dirname, resolve } from 'node:path';
import type { Environment } from '../../base/environment.ts';
import type { Config } from '../config/schema.ts';
import type { CommandIO } from '../run.ts';
import type { ConfigFlags } from './charts.ts';
import { configuredLogins } from './configured-logins.ts';
import { parseAssignment } from './option.ts';
import { clientCertificatesOf, type RegistryFlags, type RegistrySettings } from './registry.ts';

/** The schema's defaults, written out because the schema is loaded only for a file. */
export const NO_CONFIG: Omit<Config, 'apiVersion' | 'kind'> = {
  charts: [],
  kustomize: [],
  manifests: [],
  imageStreams: [],
  registryRoutes: {},
  images: [],
  from: [],
  to: [],
  logins: [],
  exclude: [],
  allowMissing: [],
  include: [],
  includeHelm: [],
  platforms: [],
  mirrors: {},
  chartMirrors: {},
  plainHttp: [],
  clientCertificates: {},
  allowChartLinks: [],
  allowChartHosts: [],
};

/** A configuration file, and the settings of connections with the flags laid over it. */
export interface Configuration {
  readonly config: Omit<Config, 'apiVersion' | 'kind'>;
  /** Folder of the file, the base of its relative paths; the working directory without a file. */
  readonly folder: string;
  readonly registry: RegistrySettings;
}

/** What a command reads of the configuration file besides what all of them read. */
export interface ConfigurationUse {
  /** Repositories of registries (`from`). A command that does not read them says so. Default: false. */
  readonly readsFrom?: boolean;
}

/** Use of a command that reads names and connections only: its file may be that of other commands. */
export const CONNECTION_ONLY: ConfigurationUse = { readsFrom: true };

/**
 * Reads the configuration file, if one is given, and merges the settings of connections. The YAML and schema libraries are
 * loaded only for a file.
 * @throws AirgapError `usage`, `config`
 */
export async function readConfiguration(
  { cwd, env, emit }: CommandIO['context'],
  flags: Partial<ConfigFlags> & Partial<RegistryFlags>,
  { readsFrom = false }: ConfigurationUse = {},
): Promise<Configuration> {
  const { config: path, var: variables = [], mirror = [], plainHttp = [], registryLogin: login, ...others } = flags;
  const { endpointUrl, profile, roleArn, concurrency, preferPublicEcr } = others;
  const given = variablesOf(variables);
  const config = path === undefined ? NO_CONFIG : await readFileWith(path, given, env);
  const folder = path === undefined ? cwd : dirname(resolve(cwd, path));
  if (config.from.length > 0 && !readsFrom) {
    emit({ type: 'warning', message: `"from" in ${path} was not used: only helm airgap mirror reads it` });
  }
  return {
    config,
    folder,
    registry: {
      // The command line comes first: mirrors are tried in this order.
      mirrors: [...mirror, ...Object.entries(config.mirrors).flatMap(([from, to]) => mirrorsOf(from, to))],
      plainHttp: [...plainHttp, ...config.plainHttp],
      caFile: others.caFile ?? (config.caFile === undefined ? undefined : resolve(folder, config.caFile)),
      clientCertificates: clientCertificatesOf(others, cwd, config, folder),
      login,
      ...(config.logins.length > 0 && { configured: await configuredLogins(config, path ?? '', given, env) }),
      ...{ endpointUrl, profile, roleArn, concurrency, preferPublicEcr },
    },
  };
}

/** Parses `--var`. @throws AirgapError `usage` */
function variablesOf(texts: readonly string[]): ReadonlyMap<string, string> {
  const form = { form: 'NAME=VALUE', example: 'TAG=1.2.3', mayBeEmpty: true };
  return new Map(texts.map((text) => parseAssignment('--var', text, form)));
}

async function readFileWith(path: string, variables: ReadonlyMap<string, string>, env: Environment) {
  const { readConfig } = await import('../config/read.ts');
  return readConfig(path, env, variables);
}

function mirrorsOf(from: string, to: Config['mirrors'][string]): string[] {
  return [to].flat().map((one) => `${from}=${one}`);
}
