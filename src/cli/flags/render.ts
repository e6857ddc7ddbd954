import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { checkName } from '../../base/names.ts';
import { keepSecret } from '../../base/redact.ts';
import type { ChartAccess } from '../../helm/access.ts';
import type { ChartRequest } from '../../helm/fetch.ts';
import type { RenderOptions } from '../../helm/render.ts';
import { addLimitFlags, type LimitFlags, renderLimits } from './limits.ts';
import { repeat } from './repeat.ts';

/** Which chart, and how it is rendered: Helm's own flags under Helm's own names. */
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
    .option('--repo <url>', 'chart repository in which the chart is looked up')
    .option('--version <constraint>', 'chart version')
    .option('--devel', 'development versions too')
    .option('--dependency-update', 'fetch missing dependencies of a chart folder')
    .option('--username <name>', 'chart repository user')
    .option('--password <password>', 'chart repository password')
    .option('--pass-credentials', 'send the credentials to other hosts that the repository names')
    .option('--cert-file <file>', 'TLS client certificate for the chart repository')
    .option('--key-file <file>', 'TLS client key for the chart repository')
    .optionsGroup('Render, as helm template has them:')
    .addOption(new Option('-f, --values <file>', 'values file or URL (repeatable)').argParser(repeat).default([], ''))
    .addOption(new Option('--set <name=value>', 'set a value (repeatable)').argParser(repeat).default([], ''))
    .addOption(new Option('--set-string <name=value>', 'set a string (repeatable)').argParser(repeat).default([], ''))
    .addOption(new Option('--set-json <name=json>', 'set a JSON value (repeatable)').argParser(repeat).default([], ''))
    .addOption(
      new Option('--set-file <name=file>', 'set a value from a file (repeatable)').argParser(repeat).default([], ''),
    )
    .addOption(
      new Option('--set-literal <name=text>', 'set a literal string (repeatable)').argParser(repeat).default([], ''),
    )
    .option('--kube-version <version>', 'Kubernetes version')
    .addOption(
      new Option('-a, --api-versions <versions>', 'API versions (repeatable, comma-separated)')
        .argParser(repeat)
        .default([], ''),
    )
    .option('--skip-schema-validation', "do not check the values against the chart's schema")
    .option('--release-name <name>', 'name of the release, which templates may ask for (default: release-name)')
    .optionsGroup('Limits for charts:');
  return addLimitFlags(command);
}

/** @throws AirgapError `usage` */
export function renderOptions(flags: RenderFlags): RenderOptions {
  // A chart is rendered several times, and standard input can be read once.
  if (flags.values.includes('-')) {
    throw new AirgapError('usage', '-f - : values are not read from standard input', { hint: 'write them to a file' });
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

/** What Helm's pull needs to reach a chart repository. */
export function accessOf(
  { username, password, certFile, keyFile, passCredentials }: AccessFlags,
  caFile: string | undefined,
  chart: string,
  plainHttp: readonly string[],
): ChartAccess {
  // Helm may repeat it in what it says.
  if (password !== undefined) keepSecret(password);
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
