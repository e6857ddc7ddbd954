import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { HostCertificates } from '../http/client-certificate.ts';
import type { EcrHostDeclaration } from './hosts.ts';

/** How AWS is reached. Credentials come from the SDK's own chain, which reads this process's environment. */
export interface EcrOptions {
  /** HTTPS_PROXY, NO_PROXY and AWS_ENDPOINT_URL* are read from here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The API's URL (`--endpoint-url`) where it is not the region's usual one. */
  readonly endpoint?: string;
  /** A profile of the AWS configuration files; that of AWS_PROFILE when absent. */
  readonly profile?: string;
  /** A role to be assumed with the credentials that are found. */
  readonly roleArn?: string;
  /** PEM roots to trust, from the transport. */
  readonly certificates?: () => readonly string[];
  /** Roots and client certificate (PEM) of an endpoint's host of its own, from the transport. */
  readonly hostCertificates?: (host: string) => HostCertificates | undefined;
  /** Hosts that are ECR though their name does not say so. */
  readonly hosts?: readonly EcrHostDeclaration[];
  /** Milliseconds that an answer of the API may take. Default 15 s. */
  readonly timeout?: number;
  readonly emit?: Emit;
  /** Ends the waiting between attempts. */
  readonly signal?: AbortSignal;
}

/** The services of AWS that are spoken to, as their AWS_ENDPOINT_URL_… variables name them. */
export type AwsService = 'ECR' | 'ECR_PUBLIC' | 'STS';

/**
 * The API's URL where one was given: by flag, or by the variables that every AWS tool knows.
 * @throws AirgapError `config` when it is no URL
 */
export function endpointOf(options: EcrOptions, service: AwsService): string | undefined {
  const { env } = options;
  const own = service === 'ECR' ? options.endpoint : undefined;
  const endpoint = own || env[`AWS_ENDPOINT_URL_${service}`] || env.AWS_ENDPOINT_URL || undefined;
  if (endpoint !== undefined && !/^https?:\/\//.test(endpoint)) {
    throw new AirgapError('config', `"${endpoint}" is not the URL of an AWS endpoint`, {
      hint: 'write https://HOST, as in https://vpce-….api.ecr.us-east-1.vpce.amazonaws.com',
    });
  }
  return endpoint;
}
