import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { ChartAccess } from '../../helm/access.ts';
import type { RenderOptions } from '../../helm/render.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { Config } from '../config/schema.ts';
import type { CommandIO } from '../run.ts';
import { clientCertificatesOf } from './certificates.ts';
import { collect } from './collect.ts';
import type { RegistryFlags } from './registry.ts';
import { type AccessFlags, chartAccessOf } from './render.ts';

/** Flags that name a configuration file and set its variables. */
export interface ConfigFlags {
  config?: string;
  var: string[];
}

/** Adds the flags to a command. @param use what the command reads from the file, for the help */
export function addConfigFlags(command: Command, use: string): Command {
  return command
    .option('--config <file>', use)
    .addOption(
      new Option('--var <name=value>', 'set a variable of the configuration file (repeatable)')
        .argParser(collect)
        .default([], ''),
    );
}

/** A configuration file merged with the flags that take precedence. */
export interface Configuration {
  readonly config: Config | undefined;
  /** Folder of the file, the base of its relative paths; the working directory without a file. */
  readonly folder: string;
  /** From the flag, else from the file. */
  readonly caFile: string | undefined;
  /** From flags and file. */
  readonly plainHttp: string[];
  /** From flags and file, one per host. */
  readonly clientCertificates: readonly ClientCertificate[];
}

/**
 * Reads the configuration file, if one is given. The YAML and schema libraries are loaded only then.
 * @throws AirgapError `usage`, `config`
 */
export async function readConfiguration(
  flags: ConfigFlags & Partial<Pick<RegistryFlags, 'caFile' | 'plainHttp' | 'clientCert' | 'clientKey'>>,
  { cwd, env }: CommandIO['context'],
): Promise<Configuration> {
  const { config: path, caFile, plainHttp = [] } = flags;
  if (path === undefined) {
    const clientCertificates = clientCertificatesOf(flags, cwd);
    return { config: undefined, folder: cwd, caFile, plainHttp, clientCertificates };
  }
  const { readConfig } = await import('../config/read.ts');
  const config = await readConfig(path, env, parseVariables(flags.var));
  const folder = dirname(resolve(cwd, path));
  const configCaFile = config.caFile === undefined ? undefined : resolve(folder, config.caFile);
  return {
    config,
    folder,
    caFile: caFile ?? configCaFile,
    plainHttp: [...plainHttp, ...config.plainHttp],
    clientCertificates: clientCertificatesOf(flags, cwd, config, folder),
  };
}

/**
 * Returns the charts of a configuration file with their profiles.
 * @param folder of the file, the base of its relative paths
 */
export function chartJobs(
  { charts }: Config,
  folder: string,
  { caFile, plainHttp }: { readonly caFile: string | undefined; readonly plainHttp: readonly string[] },
  limits: Pick<RenderOptions, 'limits'>,
): ChartJob[] {
  return charts.map((chart) =>
    chartJob(chart, folder, chartAccessOf(credentialsOf(chart), caFile, chart.chart, plainHttp), limits),
  );
}

/** Returns a chart's own credentials. Those of the command line apply only to charts on the command line. */
function credentialsOf({ username, password }: Config['charts'][number]): AccessFlags {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function chartJob(
  chart: Config['charts'][number],
  folder: string,
  access: ChartAccess,
  limits: Pick<RenderOptions, 'limits'>,
): ChartJob {
  const { chart: name, repo, version, releaseName, namespace, dependencyUpdate, devel, profiles } = chart;
  const path = resolve(folder, name);
  const isPath = repo === undefined && !isUrl(name) && (/^[./]|\.tgz$/.test(name) || existsSync(path));
  const request = {
    chart: isPath ? path : name,
    access,
    ...(repo === undefined ? {} : { repo }),
    ...(version === undefined ? {} : { version }),
    ...(dependencyUpdate ? { dependencyUpdate } : {}),
    ...(devel ? { devel } : {}),
  };
  const common: RenderOptions = {
    ...limits,
    ...(releaseName === undefined ? {} : { releaseName }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  const listed = profiles ?? [{ name: 'default' }];
  return {
    request,
    profiles: listed.map(({ name: profile, values = [], setFile = [], ...rest }) => ({
      name: profile,
      options: {
        ...common,
        ...rest,
        values: values.map((file) => (isUrl(file) ? file : resolve(folder, file))),
        setFile: setFile.map((entry) => entry.replace(/=([\s\S]*)/, (_, file: string) => `=${resolve(folder, file)}`)),
      },
    })),
  };
}

/** Returns true for a text with a scheme. Helm fetches those: plugins add further schemes. */
function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

function parseVariables(entries: readonly string[]): Map<string, string> {
  return new Map(
    entries.map((entry) => {
      const index = entry.indexOf('=');
      if (index < 1) {
        throw new AirgapError('usage', `--var ${entry} is not NAME=VALUE`, { hint: 'example: --var TAG=1.2.3' });
      }
      return [entry.slice(0, index), entry.slice(index + 1)];
    }),
  );
}
