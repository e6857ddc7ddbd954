import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { keepSecret } from '../../base/redact.ts';
import type { ChartRequest } from '../../helm/fetch.ts';
import type { RenderOptions } from '../../helm/render.ts';

/** Which chart, and how it is rendered: Helm's own flags under Helm's own names. */
export interface RenderFlags {
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

/** Collects a repeatable flag. */
export function repeat(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}

export function addRenderFlags(command: Command): Command {
  return command
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
    .option('--skip-schema-validation', "do not check the values against the chart's schema");
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
  };
}

/** Credentials for a chart repository or registry. */
export type AccessFlags = Pick<RenderFlags, 'username' | 'password' | 'certFile' | 'keyFile' | 'passCredentials'>;

/** What Helm's pull needs to reach a chart repository. */
export function accessFlags(
  flags: AccessFlags,
  caFile: string | undefined,
  chart: string,
  plainHttp: readonly string[],
): string[] {
  // Helm gets it as an argument, and may repeat its arguments in what it says.
  if (flags.password !== undefined) keepSecret(flags.password);
  const pairs: [string, string | undefined][] = [
    ['--username', flags.username],
    ['--password', flags.password],
    ['--cert-file', flags.certFile],
    ['--key-file', flags.keyFile],
    ['--ca-file', caFile],
  ];
  const host = /^oci:\/\/([^/]+)/.exec(chart)?.[1];
  return [
    ...pairs.flatMap(([flag, value]) => (value === undefined ? [] : [flag, value])),
    ...(flags.passCredentials ? ['--pass-credentials'] : []),
    ...(host !== undefined && plainHttp.includes(host) ? ['--plain-http'] : []),
  ];
}

export function chartRequest(chart: string, flags: RenderFlags, access: readonly string[]): ChartRequest {
  return {
    chart,
    access,
    ...(flags.repo === undefined ? {} : { repo: flags.repo }),
    ...(flags.version === undefined ? {} : { version: flags.version }),
    ...(flags.devel ? { devel: true } : {}),
    ...(flags.dependencyUpdate ? { dependencyUpdate: true } : {}),
  };
}
