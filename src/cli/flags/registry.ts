import { type Command, InvalidArgumentError, Option } from 'commander';
import { before } from '../../base/text-ends.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { RegistryAccess } from '../../workflows/registry.ts';
import type { Edge } from '../run.ts';
import { addCertificateFlags, type CertificateFlags } from './certificates.ts';
import { addLoginFlags, type LoginFlags } from './login.ts';
import { repeat } from './repeat.ts';

/** How registries are reached. */
export interface RegistryFlags extends CertificateFlags, LoginFlags {
  mirror?: string[];
  plainHttp: string[];
  caFile?: string;
  /** Those of the flags and of the configuration file, once that is read. */
  clientCertificates?: readonly ClientCertificate[];
  endpointUrl?: string;
  profile?: string;
  roleArn?: string;
  region?: string;
  concurrency?: number;
  /** Registries that the user has named besides: in arguments, in other flags, in the configuration file. */
  named?: readonly string[];
}

export function addRegistryFlags(edge: Edge, command: Command, { mirrors }: { mirrors: boolean }): Command {
  command.optionsGroup('Registries:');
  if (mirrors) {
    command.addOption(
      new Option('--mirror <from=to>', 'read a registry (or host/path, or *) from another place (repeatable)')
        .argParser(repeat)
        .default([], ''),
    );
  }
  addLoginFlags(edge, command)
    .addOption(
      new Option('--plain-http <host[:port]>', 'a host that speaks HTTP without TLS (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .option('--ca-file <file>', "certificate authorities to trust besides the system's (PEM)");
  return addCertificateFlags(command)
    .option('--endpoint-url <url>', 'endpoint of the ECR API, as for a VPC endpoint without private DNS')
    .option('--profile <name>', 'profile of the AWS configuration files, for ECR')
    .option('--role-arn <arn>', 'role to assume for ECR')
    .option('--region <region>', 'region of a target with --registry-type ecr (default: AWS_REGION)')
    .option('--concurrency <n>', 'transfers at the same time (default: chosen by itself)', positive);
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 256)
    throw new InvalidArgumentError('It must be a whole number from 1 to 256.');
  return value;
}

/** @throws AirgapError `usage` */
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
  const { parseMirror } = await import('../../registry/mirrors.ts');
  const mirrors = mirror.map(parseMirror);
  const hosts = mirrors.flatMap(({ from, to }) => [from, to]).map((text) => before(text, '/'));
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

/** Transfers at the same time unless told: enough to hide a registry's round trips, few enough for one host's limits. */
export const DOWNLOADS = 32;
/** The most of a registry far away. */
export const FAR_DOWNLOADS = 64;
export const UPLOADS = 24;
