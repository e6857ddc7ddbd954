import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import type { Environment } from '../../base/environment.ts';
import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import { textBefore } from '../../base/text-trim.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { RegistryAccess, RegistryUse } from '../../session/connect.ts';
import type { Config } from '../config/schema.ts';
import type { CommandIO } from '../run.ts';
import { addLoginFlags, type ReadLogin } from './login.ts';
import { type FlagsOf, flagGroup, parseAssignment, parseConcurrency, repeatable } from './option.ts';

/** Adds flags for access to registries. */
export const addRegistryFlags = flagGroup((command, io: CommandIO) => {
  const trusting = addTrustFlags(
    addLoginFlags(command.optionsGroup('Registries and TLS:'), io),
    'trust these certificate authorities in addition to those of the system, PEM',
  );
  return addAwsFlags(
    trusting.option('--concurrency <n>', 'number of concurrent transfers (default: automatic)', parseConcurrency),
  );
});

/** Adds flags for access to AWS. */
export const addAwsFlags = flagGroup((command) =>
  command
    .optionsGroup('Amazon ECR:')
    .option('--endpoint-url <url>', 'endpoint of the ECR API, such as a VPC endpoint without private DNS')
    .option('--profile <name>', 'profile of the AWS configuration files')
    .option('--role-arn <arn>', 'role to assume')
    .option('--region <region>', 'region of a registry with --registry-type ecr (default: AWS_REGION)'),
);

/** Flags for access to registries, and the login that was read for them. */
export type RegistryFlags = FlagsOf<typeof addRegistryFlags> &
  ReadLogin & { readonly mirror?: readonly string[]; readonly preferPublicEcr?: true };

/** Returns the option that replaces image registries. It comes first in its group. */
export function mirrorOption() {
  const description = 'pull from a mirror instead of this registry, host/path or *; several are tried in this order';
  return repeatable('--mirror <from=to>', description);
}

/** Returns the option that reads images from Public ECR. It follows that for mirrors. */
export function preferPublicEcrOption() {
  const description = 'pull from public.ecr.aws what has the same digest there, such as official images of Docker Hub';
  return new Option('--prefer-public-ecr', description);
}

/** Adds flags for plain HTTP and certificates. */
export const addTrustFlags = flagGroup((command, caFile: string) =>
  command
    .addOption(repeatable('--plain-http <host[:port]>', 'use HTTP without TLS for this host'))
    .option('--ca-file <file>', caFile)
    .addOption(repeatable('--client-cert <host=file>', 'client certificate for a registry or chart host, PEM'))
    .addOption(repeatable('--client-key <host=file>', 'private key of that certificate, PEM, if in another file')),
);

/** Access to registries as flags and configuration file set it. Mirrors are parsed only if a registry is contacted. */
export interface RegistrySettings extends Omit<RegistryAccess, 'mirrors'> {
  readonly clientCertificates: readonly ClientCertificate[];
  /** `FROM=TO` */
  readonly mirrors: readonly string[];
  readonly concurrency?: number;
}

/** Default number of concurrent transfers: enough to hide round trips, low enough for the limits of one host. */
const DOWNLOAD_CONCURRENCY = 32;
/** Maximum number of concurrent downloads from a registry with high latency. */
export const REMOTE_DOWNLOAD_CONCURRENCY = 64;
/** Default number of concurrent uploads. */
export const UPLOAD_CONCURRENCY = 24;

/** Returns the access of the workflows to registries. @throws AirgapError `usage` */
export async function registryAccess(
  { mirrors: texts, concurrency, ...settings }: RegistrySettings,
  defaultConcurrency = DOWNLOAD_CONCURRENCY,
): Promise<RegistryUse> {
  const { parseMirror } = await import('../../registry/routes.ts');
  const mirrors = texts.map(parseMirror);
  const hosts = mirrors.flatMap(({ from, to }) => [from, to]).map((text) => textBefore(text, '/'));
  const publicEcr = settings.preferPublicEcr ? [(await import('../../ecr/hosts.ts')).ECR_PUBLIC_HOST] : [];
  const named = [...new Set([...(settings.named ?? []), ...hosts, ...publicEcr, ...settings.plainHttp])];
  return { access: { ...settings, mirrors, named }, concurrency: concurrency ?? defaultConcurrency };
}

/**
 * Returns the client certificates of the command line and of the configuration file. The command line takes precedence.
 * @param cwd base of relative paths on the command line
 * @param folder base of relative paths in the configuration file
 * @throws AirgapError `usage`, `config`
 */
export function clientCertificatesOf(
  { clientCert = [], clientKey = [] }: Partial<Pick<RegistryFlags, 'clientCert' | 'clientKey'>>,
  cwd: string,
  { clientCertificates = {} }: Partial<Pick<Config, 'clientCertificates'>> = {},
  folder = cwd,
): ClientCertificate[] {
  const certs = filesByHost('--client-cert', clientCert);
  const keys = filesByHost('--client-key', clientKey);
  for (const [host, file] of keys) {
    if (certs.has(host)) continue;
    throw new AirgapError('usage', `--client-key ${host}=${file}: no certificate for ${host}`, {
      hint: `add --client-cert ${host}=FILE`,
    });
  }
  const given = [...certs].map(([host, file]) => clientCertificate(host, file, keys.get(host), cwd));
  const hosts = new Set<string>();
  const configured = Object.entries(clientCertificates).map(([name, { cert, key }]) => {
    const host = parseHost(name, 'clientCertificates', 'config');
    if (hosts.has(host)) throw new AirgapError('config', `clientCertificates names ${host} twice`);
    hosts.add(host);
    return clientCertificate(host, cert, key, folder);
  });
  return [...given, ...configured.filter(({ host }) => !certs.has(host))];
}

/** Returns the lookup of certificate and key files for Helm, by chart host: those given, and those of certs.d. */
export function helmCertificates(
  clientCertificates: readonly ClientCertificate[],
  env: Environment,
): NonNullable<ChartSources['certificates']> {
  let read: Promise<NonNullable<ChartSources['certificates']>> | undefined;
  return async (host) => {
    read ??= import('../../http/host-certificates.ts').then(({ systemCertificates }) => {
      const certificatesOf = systemCertificates(clientCertificates, env);
      return async (hostName) => certificatesOf(hostName)?.files;
    });
    return (await read)(host);
  };
}

function clientCertificate(host: string, cert: string, key: string | undefined, folder: string): ClientCertificate {
  return { host, certFile: resolve(folder, cert), keyFile: key === undefined ? undefined : resolve(folder, key) };
}

function filesByHost(flag: string, entries: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of entries) {
    const [name, file] = parseAssignment(flag, entry, {
      form: 'HOST=FILE',
      example: 'registry.example.com=client.pem',
    });
    const host = parseHost(name, flag, 'usage');
    if (files.has(host)) {
      throw new AirgapError('usage', `${flag} names ${host} twice`, {
        hint: 'give one client certificate for each host',
      });
    }
    files.set(host, file);
  }
  return files;
}

function parseHost(text: string, origin: string, code: 'usage' | 'config'): string {
  if (isName('registry', text)) return text.toLowerCase();
  throw new AirgapError(code, `${origin} ${text}: not a host`, { hint: 'write HOST or HOST:PORT' });
}
