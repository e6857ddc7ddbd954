import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ECRClient } from '@aws-sdk/client-ecr';
import { silent } from '../base/events.ts';
import { proxyFromEnvironment } from '../http/proxy.ts';
import type { EcrHost } from './hosts.ts';
import { type AwsService, type EcrOptions, endpointOf } from './options.ts';
import { type Patience, patience } from './patience.ts';
import { assumedRole, type Credentials } from './role.ts';

/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;
/** An API that accepts and does not answer is asked three times (patience.ts), which is to end within a minute. */
const REQUEST_TIMEOUT = 15_000;
/** For each address of a host but the last: Node's 250 ms do not suffice for a handshake around the world. */
const ADDRESS_TIMEOUT = 2500;

/** What every client of the SDK is given. */
export interface Connection {
  readonly region: string;
  readonly endpoint?: string;
  /** Of the profile that was asked for; the SDK's own chain when absent. */
  readonly credentials?: Credentials;
  readonly retryStrategy: Patience;
  readonly logger: Logger;
  readonly requestHandler: {
    readonly httpsAgent: HttpsAgent;
    readonly httpAgent: HttpAgent;
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly socketTimeout: number;
    /** Else the SDK only warns, and waits on. */
    readonly throwOnRequestTimeout: true;
  };
}

type Logger = Readonly<Record<'trace' | 'debug' | 'info' | 'warn' | 'error', (text: unknown) => void>>;

/**
 * The same roots and the same proxy as all other requests. The proxy is Node's own (`proxyEnv`, Node 24.5 and 22.21 on);
 * older ones connect directly.
 */
export function connection(options: EcrOptions, service: AwsService, region: string): Connection {
  const endpoint = endpointOf(options, service);
  const own = endpoint === undefined ? undefined : options.hostCertificates?.(new URL(endpoint).host);
  const ca = [...(options.certificates?.() ?? []), ...(own?.ca ?? [])];
  // An endpoint of one's own follows the same rules as every other host; the usual ones follow Node's.
  const proxy = endpoint === undefined ? undefined : proxyFromEnvironment(options.env)(new URL(endpoint));
  const direct = endpoint !== undefined && proxy === undefined;
  // Node's agent shows a proxy with TLS the same certificate, which is for the endpoint alone.
  const { cert, key } = proxy?.protocol === 'https:' ? {} : (own ?? {});
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
    // Until the answer's head is there, and between two pieces of its body.
    requestTimeout: options.timeout ?? REQUEST_TIMEOUT,
    socketTimeout: options.timeout ?? REQUEST_TIMEOUT,
    throwOnRequestTimeout: true as const,
  };
  const profile = profileOf(options);
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { credentials: ofProfile(profile, { region, requestHandler }) }),
    retryStrategy: patience(
      `the API of ${service} in ${region}${endpoint === undefined ? '' : ` at ${endpoint}`}`,
      options,
    ),
    logger: loggerOf(options),
    requestHandler,
  };
}

/**
 * The profile that somebody asked for: by flag, or by AWS_PROFILE, unless that names the one which need not be there, or keys
 * stand beside it, of which the SDK knows which count.
 */
function profileOf({ profile, env }: EcrOptions): string | undefined {
  if (profile !== undefined) return profile;
  const { AWS_PROFILE: named, AWS_ACCESS_KEY_ID: key } = env;
  return named && named !== 'default' && !key ? named : undefined;
}

/**
 * Credentials of this profile and no others. The SDK's chain would go on without a word to those of the machine where a
 * profile gives none, and push with somebody else's rights.
 */
function ofProfile(profile: string, clientConfig: Pick<Connection, 'region' | 'requestHandler'>): Credentials {
  return async () => {
    const { fromIni } = await import('@aws-sdk/credential-provider-ini');
    return fromIni({ profile, clientConfig })();
  };
}

/** What the SDK would write to the terminal by itself becomes a warning; the rest is not for anybody's eyes. */
function loggerOf({ emit = silent }: EcrOptions): Logger {
  const none = (): void => {};
  const warn = (text: unknown): void => {
    emit({ type: 'warning', message: `the AWS SDK says: ${String(text).replace(/\s+/g, ' ').trim()}` });
  };
  return { trace: none, debug: none, info: none, warn, error: none };
}

/** A client for a private registry's region. The SDK is loaded here, when it is needed, and not with the program. */
export async function ecrClient(host: EcrHost, options: EcrOptions): Promise<ECRClient> {
  const { ECRClient: Client } = await import('@aws-sdk/client-ecr');
  const settings = connection(options, 'ECR', host.region);
  // The SDK refuses FIPS and dual-stack names together with an endpoint of one's own.
  const names =
    settings.endpoint === undefined ? { useFipsEndpoint: host.fips, useDualstackEndpoint: host.dualStack } : {};
  const { roleArn } = options;
  const role =
    roleArn === undefined ? {} : { credentials: assumedRole(roleArn, connection(options, 'STS', host.region)) };
  return new Client({ ...settings, ...names, ...role });
}

/** The account in the host's name, which need not be the caller's own. */
export function registryOf({ account }: EcrHost): { readonly registryId?: string } {
  return account === undefined ? {} : { registryId: account };
}
