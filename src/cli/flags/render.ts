import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { checkName } from '../../base/names.ts';
import { registerSecret } from '../../base/redact.ts';
import type { ChartAccess, ChartRequest } from '../../helm/access.ts';
import type { RenderOptions } from '../../helm/render.ts';
import { collect } from './collect.ts';
import { addLimitFlags, type LimitFlags, renderLimits } from './limits.ts';

/** Flags that select and render a chart, with the names that Helm uses. */
export interface RenderFlags extends LimitFlags {
  releaseName?: string;
  values: string[];
  set: string[];
  setString: string[];
  setJson: string[];
  setFile: string[];
  setLiteral: string[];
  kubeVersion?: string;
  apiVersions: string[];
  skipSchemaValidation?: true;
  repo?: string;
  version?: string;
  devel?: true;
  dependencyUpdate?: true;
  username?: string;
  password?: string;
  passCredentials?: true;
  certFile?: string;
  keyFile?: string;
}

export function addRenderFlags(command: Command): Command {
  command
    .optionsGroup('Chart:')
    .option('--repo <url>', 'URL of the chart repository')
    .option('--version <constraint>', 'chart version')
    .option('--devel', 'include development versions')
    .option('--dependency-update', 'fetch missing dependencies of a chart folder')
    .option('--username <name>', 'user for the chart repository')
    .option('--password <password>', 'password for the chart repository')
    .option('--pass-credentials', 'send the credentials to other hosts that the repository refers to')
    .option('--cert-file <file>', 'client certificate for the chart repository, PEM')
    .option('--key-file <file>', 'private key of that certificate, PEM')
    .optionsGroup('Rendering (same as helm template):')
    .addOption(new Option('-f, --values <file>', 'values file or URL (repeatable)').argParser(collect).default([], ''))
    .addOption(new Option('--set <name=value>', 'set a value (repeatable)').argParser(collect).default([], ''))
    .addOption(new Option('--set-string <name=value>', 'set a string (repeatable)').argParser(collect).default([], ''))
    .addOption(new Option('--set-json <name=json>', 'set a JSON value (repeatable)').argParser(collect).default([], ''))
    .addOption(
      new Option('--set-file <name=file>', 'set a value from a file (repeatable)').argParser(collect).default([], ''),
    )
    .addOption(
      new Option('--set-literal <name=text>', 'set a literal string (repeatable)').argParser(collect).default([], ''),
    )
    .option('--kube-version <version>', 'Kubernetes version for Capabilities')
    .addOption(
      new Option('-a, --api-versions <versions>', 'API versions for Capabilities (repeatable, comma-separated)')
        .argParser(collect)
        .default([], ''),
    )
    .option('--skip-schema-validation', "do not validate values against the chart's schema")
    .option('--release-name <name>', 'release name used for rendering (default: release-name)')
    .optionsGroup('Limits for untrusted charts:');
  return addLimitFlags(command);
}

/** Returns the render options of the flags. @throws AirgapError `usage` */
export function renderOptions(flags: RenderFlags): RenderOptions {
  // A chart is rendered several times, but standard input can be read only once.
  if (flags.values.includes('-')) {
    throw new AirgapError('usage', '-f -: values cannot be read from standard input', { hint: 'write them to a file' });
  }
  return {
    values: flags.values,
    set: flags.set,
    setString: flags.setString,
    setJson: flags.setJson,
    setFile: flags.setFile,
    setLiteral: flags.setLiteral,
    apiVersions: flags.apiVersions,
    ...(flags.kubeVersion === undefined ? {} : { kubeVersion: flags.kubeVersion }),
    ...(flags.skipSchemaValidation ? { skipSchemaValidation: true } : {}),
    ...(flags.releaseName === undefined
      ? {}
      : { releaseName: checkName('release name', flags.releaseName, '--release-name', 'usage') }),
    ...renderLimits(flags),
  };
}

/** Credentials for a chart repository or registry. */
export type AccessFlags = Pick<RenderFlags, 'username' | 'password' | 'certFile' | 'keyFile' | 'passCredentials'>;

/** Returns the access of helm pull to a chart repository. */
export function chartAccessOf(
  { username, password, certFile, keyFile, passCredentials }: AccessFlags,
  caFile: string | undefined,
  chart: string,
  plainHttp: readonly string[],
): ChartAccess {
  // Helm may print it in error messages.
  if (password !== undefined) registerSecret(password);
  const host = /^oci:\/\/([^/]+)/.exec(chart)?.[1];
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(passCredentials ? { passCredentials } : {}),
    ...(host !== undefined && plainHttp.includes(host) ? { plainHttp: true } : {}),
  };
}

export function chartRequest(chart: string, flags: RenderFlags, access: ChartAccess): ChartRequest {
  return {
    chart,
    access,
    ...(flags.repo === undefined ? {} : { repo: flags.repo }),
    ...(flags.version === undefined ? {} : { version: flags.version }),
    ...(flags.devel ? { devel: true } : {}),
    ...(flags.dependencyUpdate ? { dependencyUpdate: true } : {}),
  };
}
