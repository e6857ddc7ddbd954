import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { HostCertificates } from '../http/client-certificate.ts';
import type { EcrHostDeclaration } from './hosts.ts';

/** What the user says about AWS. */
export interface AwsAccess {
  /** URL of the ECR API. Default: that of the region. */
  readonly endpointUrl?: string;
  /** Profile of the AWS configuration files. Default: AWS_PROFILE. */
  readonly profile?: string;
  /** Role to assume. */
  readonly roleArn?: string;
  /** Hosts declared as ECR. */
  readonly ecrHosts?: readonly EcrHostDeclaration[];
}

/** Options for AWS access. Credentials come from the SDK's own chain, which reads this process's environment. */
export interface EcrOptions extends AwsAccess {
  /** Environment with HTTPS_PROXY, NO_PROXY and AWS_ENDPOINT_URL*. */
  readonly env: Environment;
  /** PEM roots to trust, from the transport. */
  readonly certificates?: () => readonly string[];
  /** Roots and client certificate (PEM) specific to the host of an endpoint, from the transport. */
  readonly hostCertificates?: (host: string) => HostCertificates | undefined;
  /** Timeout of an API response in milliseconds. Default 15 s. */
  readonly timeout?: number;
  readonly emit?: Emit;
  /** Interrupts the delay between attempts. */
  readonly signal?: AbortSignal;
}

/** AWS services in use, named as in their AWS_ENDPOINT_URL_… variables. */
export type AwsService = 'ECR' | 'ECR_PUBLIC' | 'STS';

/**
 * Returns the configured URL of an API, from the flag or the standard AWS variables.
 * @throws AirgapError `config` for an invalid URL
 */
export function endpointOf(options: EcrOptions, service: AwsService): string | undefined {
  const { env } = options;
  const flagUrl = service === 'ECR' ? options.endpointUrl : undefined;
  const endpoint = flagUrl || env[`AWS_ENDPOINT_URL_${service}`] || env.AWS_ENDPOINT_URL || undefined;
  if (endpoint !== undefined && !/^https?:\/\//.test(endpoint)) {
    throw new AirgapError('config', `"${endpoint}" is not a valid AWS endpoint URL`, {
      hint: 'write https://HOST, as in https://vpce-....api.ecr.us-east-1.vpce.amazonaws.com',
    });
  }
  return endpoint;
}
