import { type Command, InvalidArgumentError, Option } from 'commander';
import { textBefore } from '../../base/text-trim.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { RegistryAccess } from '../../session/connect.ts';
import type { CommandIO } from '../run.ts';
import { addCertificateFlags, type CertificateFlags } from './certificates.ts';
import { collect } from './collect.ts';
import { addLoginFlags, type LoginFlags } from './login.ts';

/** Flags for access to registries. */
export interface RegistryFlags extends CertificateFlags, LoginFlags {
  mirror?: string[];
  plainHttp: string[];
  caFile?: string;
  /** Client certificates of flags and configuration file, once it is read. */
  clientCertificates?: readonly ClientCertificate[];
  endpointUrl?: string;
  profile?: string;
  roleArn?: string;
  region?: string;
  concurrency?: number;
  /** Registries named in arguments, in other flags and in the configuration file. */
  named?: readonly string[];
}

export function addRegistryFlags(io: CommandIO, command: Command, { mirrors }: { mirrors: boolean }): Command {
  command.optionsGroup('Registries and TLS:');
  if (mirrors) {
    command.addOption(
      new Option('--mirror <from=to>', 'pull from a mirror instead of this registry, host/path or * (repeatable)')
        .argParser(collect)
        .default([], ''),
    );
  }
  addLoginFlags(io, command)
    .addOption(plainHttpOption())
    .option('--ca-file <file>', 'trust these certificate authorities in addition to those of the system, PEM');
  return addCertificateFlags(command)
    .option('--concurrency <n>', 'number of concurrent transfers (default: automatic)', parseConcurrency)
    .optionsGroup('Amazon ECR:')
    .option('--endpoint-url <url>', 'endpoint of the ECR API, such as a VPC endpoint without private DNS')
    .option('--profile <name>', 'profile of the AWS configuration files')
    .option('--role-arn <arn>', 'role to assume')
    .option('--region <region>', 'region of a registry with --registry-type ecr (default: AWS_REGION)');
}

export function plainHttpOption(): Option {
  return new Option('--plain-http <host[:port]>', 'use HTTP without TLS for this host (repeatable)')
    .argParser(collect)
    .default([], '');
}

/** Parses the value of `--concurrency`. @throws InvalidArgumentError */
export function parseConcurrency(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 256)
    throw new InvalidArgumentError('It must be a whole number from 1 to 256.');
  return value;
}

/** Returns the access of the workflows to registries. @throws AirgapError `usage` */
export async function registryAccess({
  mirror = [],
  plainHttp,
  caFile,
  clientCertificates = [],
  endpointUrl,
  profile,
  roleArn,
  registryLogin,
  named = [],
}: RegistryFlags): Promise<RegistryAccess> {
  const { parseMirror } = await import('../../registry/routes.ts');
  const mirrors = mirror.map(parseMirror);
  const hosts = mirrors.flatMap(({ from, to }) => [from, to]).map((text) => textBefore(text, '/'));
  return {
    mirrors,
    named: [...new Set([...named, ...hosts, ...plainHttp])],
    ...(registryLogin === undefined ? {} : { login: registryLogin }),
    plainHttp,
    ...(caFile === undefined ? {} : { caFile }),
    clientCertificates,
    ...(endpointUrl === undefined ? {} : { endpointUrl }),
    ...(profile === undefined ? {} : { profile }),
    ...(roleArn === undefined ? {} : { roleArn }),
  };
}

/** Default number of concurrent transfers: enough to hide round trips, low enough for the limits of one host. */
export const DOWNLOAD_CONCURRENCY = 32;
/** Maximum number of concurrent downloads from a registry with high latency. */
export const REMOTE_DOWNLOAD_CONCURRENCY = 64;
/** Default number of concurrent uploads. */
export const UPLOAD_CONCURRENCY = 24;
