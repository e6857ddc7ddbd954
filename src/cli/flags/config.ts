import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import type { ChartAccess } from '../../helm/access.ts';
import type { RenderOptions } from '../../helm/render.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { ChartJob } from '../../workflows/search/discover.ts';
import type { Config } from '../config/schema.ts';
import type { Edge } from '../run.ts';
import { clientCertificatesOf } from './certificates.ts';
import type { RegistryFlags } from './registry.ts';
import { type AccessFlags, accessOf } from './render.ts';
import { repeat } from './repeat.ts';

/** A configuration file, and the values of its variables. */
export interface ConfigFlags {
  config?: string;
  var: string[];
}

/** For every command that reads airgap.yaml. @param counts what of it this command goes by */
export function addConfigFlags(command: Command, counts: string): Command {
  return command
    .option('--config <file>', `airgap.yaml${counts}`)
    .addOption(
      new Option('--var <name=value>', 'a value for a variable of the configuration file (repeatable)')
        .argParser(repeat)
        .default([], ''),
    );
}

/** The configuration file with the flags that it stands behind. */
export interface Configuration {
  readonly config: Config | undefined;
  /** Of the file; its paths are relative to that. The working directory without one. */
  readonly folder: string;
  /** The flag's; without one, the file's. */
  readonly caFile: string | undefined;
  /** Those of both. */
  readonly plainHttp: string[];
  /** Those of both, one a host. */
  readonly clientCertificates: readonly ClientCertificate[];
}

/**
 * Reads the configuration file, if one is named. The YAML and schema libraries are loaded only by whoever has one.
 * @throws AirgapError `usage`, `config`
 */
export async function readConfiguration(
  flags: ConfigFlags & Partial<Pick<RegistryFlags, 'caFile' | 'plainHttp' | 'clientCert' | 'clientKey'>>,
  { cwd, env }: Edge['context'],
): Promise<Configuration> {
  const { config: path, caFile, plainHttp = [] } = flags;
  if (path === undefined) {
    const clientCertificates = clientCertificatesOf(flags, cwd);
    return { config: undefined, folder: cwd, caFile, plainHttp, clientCertificates };
  }
  const { readConfig } = await import('../config/read.ts');
  const config = await readConfig(path, env, variables(flags.var));
  const folder = dirname(resolve(cwd, path));
  const own = config.caFile === undefined ? undefined : resolve(folder, config.caFile);
  return {
    config,
    folder,
    caFile: caFile ?? own,
    plainHttp: [...plainHttp, ...config.plainHttp],
    clientCertificates: clientCertificatesOf(flags, cwd, config, folder),
  };
}

/**
 * The charts of a configuration file with their profiles.
 * @param folder of the file; its paths are relative to that
 */
export function jobsOf(
  { charts }: Config,
  folder: string,
  { caFile, plainHttp }: { readonly caFile: string | undefined; readonly plainHttp: readonly string[] },
  limits: Pick<RenderOptions, 'limits'>,
): ChartJob[] {
  return charts.map((chart) =>
    jobOf(chart, folder, accessOf(credentialsOf(chart), caFile, chart.chart, plainHttp), limits),
  );
}

/** Each chart's own: the command line's are for the charts on the command line, not for every host of the file. */
function credentialsOf({ username, password }: Config['charts'][number]): AccessFlags {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function jobOf(
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

/** Whatever has a scheme is Helm's to fetch: plugins add schemes of their own. */
function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

function variables(entries: readonly string[]): Map<string, string> {
  return new Map(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) {
        throw new AirgapError('usage', `--var ${entry} is not NAME=VALUE`, { hint: 'as in --var TAG=1.2.3' });
      }
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
