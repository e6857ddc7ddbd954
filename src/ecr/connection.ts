import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { ECRPUBLICClient } from '@aws-sdk/client-ecr-public';
import { AirgapError } from '../base/errors.ts';
import { ignoreEvents } from '../base/events.ts';
import { proxyFromEnvironment } from '../http/proxy.ts';
import { ECR_PUBLIC_REGION, type EcrHost } from './hosts.ts';
import { type AwsService, type EcrOptions, endpointOf } from './options.ts';
import { awsRetryStrategy, type RetryStrategy } from './retry-strategy.ts';

/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;
/**
 * An API that accepts requests without a response is tried three times (retry-strategy.ts), within a minute in total.
 */
const REQUEST_TIMEOUT = 15_000;
/** For each address of a host but the last: Node's 250 ms are too short for distant hosts. */
const ADDRESS_TIMEOUT = 2500;

/** Settings of every SDK client. */
export interface AwsClientSettings {
  readonly region: string;
  readonly endpoint?: string;
  /** Credentials of the requested profile. Default: the SDK's own chain. */
  readonly credentials?: AwsCredentialProvider;
  readonly retryStrategy: RetryStrategy;
  readonly logger: Logger;
  readonly requestHandler: {
    readonly httpsAgent: HttpsAgent;
    readonly httpAgent: HttpAgent;
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly socketTimeout: number;
    /** By default the SDK only warns and continues to wait. */
    readonly throwOnRequestTimeout: true;
  };
}

type Logger = Readonly<Record<'trace' | 'debug' | 'info' | 'warn' | 'error', (text: unknown) => void>>;

/**
 * Returns client settings with the roots and proxy of all other requests. The proxy support is Node's (`proxyEnv`,
 * since Node 24.5 and 22.21); older versions connect directly.
 */
export function awsClientSettings(options: EcrOptions, service: AwsService, region: string): AwsClientSettings {
  const endpoint = endpointOf(options, service);
  const hostCertificates = endpoint === undefined ? undefined : options.hostCertificates?.(new URL(endpoint).host);
  const ca = [...(options.certificates?.() ?? []), ...(hostCertificates?.ca ?? [])];
  // A custom endpoint follows our NO_PROXY rules, as every other host; default endpoints follow Node's.
  const proxy = endpoint === undefined ? undefined : proxyFromEnvironment(options.env)(new URL(endpoint));
  const direct = endpoint !== undefined && proxy === undefined;
  // Node's agent would send the client certificate of the endpoint to a TLS proxy, too.
  const { cert, key } = proxy?.protocol === 'https:' ? {} : (hostCertificates ?? {});
  const shared = {
    keepAlive: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT,
    ...(direct ? {} : { proxyEnv: { ...options.env } }),
  };
  const requestHandler = {
    httpsAgent: new HttpsAgent({
      ...shared,
      ...(ca.length === 0 ? {} : { ca }),
      ...(cert === undefined ? {} : { cert, key }),
    }),
    httpAgent: new HttpAgent(shared),
    connectionTimeout: CONNECT_TIMEOUT,
    // Until the response headers, and between two chunks of the body.
    requestTimeout: options.timeout ?? REQUEST_TIMEOUT,
    socketTimeout: options.timeout ?? REQUEST_TIMEOUT,
    throwOnRequestTimeout: true as const,
  };
  const profile = requestedProfile(options);
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { credentials: profileCredentials(profile, { region, requestHandler }) }),
    retryStrategy: awsRetryStrategy(
      `the ${service.replace('ECR_PUBLIC', 'ECR Public')} API in ${region}${endpoint === undefined ? '' : ` at ${endpoint}`}`,
      options,
    ),
    logger: loggerOf(options),
    requestHandler,
  };
}

/**
 * Returns the profile requested by flag or AWS_PROFILE. AWS_PROFILE is left to the SDK when it is `default`, which need
 * not exist, or when access keys are set, too.
 */
function requestedProfile({ profile, env }: EcrOptions): string | undefined {
  if (profile !== undefined) return profile;
  const { AWS_PROFILE, AWS_ACCESS_KEY_ID } = env;
  return AWS_PROFILE && AWS_PROFILE !== 'default' && !AWS_ACCESS_KEY_ID ? AWS_PROFILE : undefined;
}

/**
 * Returns a provider for the credentials of this profile only. When a profile has none, the SDK's chain would silently
 * fall back to those of the machine, and push with other permissions.
 */
function profileCredentials(
  profile: string,
  clientConfig: Pick<AwsClientSettings, 'region' | 'requestHandler'>,
): AwsCredentialProvider {
  return async () => {
    const { fromIni } = await import('@aws-sdk/credential-provider-ini');
    return fromIni({ profile, clientConfig })();
  };
}

/** Turns warnings that the SDK would print into events, and drops the other levels. */
function loggerOf({ emit = ignoreEvents }: EcrOptions): Logger {
  const ignore = (): void => {};
  const warn = (text: unknown): void => {
    emit({ type: 'warning', message: `AWS SDK: ${String(text).replace(/\s+/g, ' ').trim()}` });
  };
  return { trace: ignore, debug: ignore, info: ignore, warn, error: ignore };
}

/** Creates a client for the region of a private registry. Loads the SDK on first use instead of at startup. */
export async function ecrClient(host: EcrHost, options: EcrOptions): Promise<ECRClient> {
  const { ECRClient: Client } = await import('@aws-sdk/client-ecr');
  const settings = awsClientSettings(options, 'ECR', host.region);
  // The SDK rejects FIPS and dual-stack names with a custom endpoint.
  const endpointVariants =
    settings.endpoint === undefined ? { useFipsEndpoint: host.fips, useDualstackEndpoint: host.dualStack } : {};
  return new Client({ ...settings, ...endpointVariants, ...roleCredentials(options, host.region) });
}

/** Creates a client for ECR Public. Loads the SDK on first use. @param overrides settings for this client */
export async function ecrPublicClient(
  options: EcrOptions,
  overrides: Pick<Partial<AwsClientSettings>, 'retryStrategy'> = {},
): Promise<ECRPUBLICClient> {
  const { ECRPUBLICClient: Client } = await import('@aws-sdk/client-ecr-public');
  return new Client({
    ...awsClientSettings(options, 'ECR_PUBLIC', ECR_PUBLIC_REGION),
    ...roleCredentials(options, ECR_PUBLIC_REGION),
    ...overrides,
  });
}

/** Does work with a client, which it closes at the end. @throws AirgapError `interrupted` */
export async function withClient<C extends { destroy(): void }, R>(
  creating: Promise<C>,
  { signal }: Pick<EcrOptions, 'signal'>,
  work: (client: C) => Promise<R>,
): Promise<R> {
  const client = await creating;
  try {
    return await work(client);
  } catch (error) {
    // On an interrupt, the SDK throws the error that it would have retried.
    if (!signal?.aborted) throw error;
    throw new AirgapError('interrupted', 'interrupted', { cause: signal.reason });
  } finally {
    client.destroy();
  }
}

/** Returns the account in the host name as input of commands; it may differ from the caller's account. */
export function registryIdInput({ account }: EcrHost): { readonly registryId?: string } {
  return { registryId: account };
}

/** Session name in the account's logs. */
const SESSION_NAME = 'helm-airgap';

/** Credential provider of the SDK; called again when the credentials expire. */
type AwsCredentialProvider = () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}>;

/** Returns the credentials of the requested role as client settings; none without a role. */
function roleCredentials(options: EcrOptions, region: string): { readonly credentials?: AwsCredentialProvider } {
  const { roleArn } = options;
  return roleArn === undefined ? {} : { credentials: assumedRole(roleArn, awsClientSettings(options, 'STS', region)) };
}

/**
 * Returns a provider that assumes a role with the SDK's credentials, at the STS of the region (and its VPC endpoint).
 */
function assumedRole(roleArn: string, settings: AwsClientSettings): AwsCredentialProvider {
  return async () => {
    const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
    const client = new STSClient(settings);
    try {
      const response = await client.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: SESSION_NAME }));
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = response.Credentials ?? {};
      if (AccessKeyId === undefined || SecretAccessKey === undefined) {
        throw new AirgapError('registry', `STS returned no credentials for the role ${roleArn}`);
      }
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration: Expiration,
      };
    } finally {
      client.destroy();
    }
  };
}
