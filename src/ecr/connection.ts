import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ECRClient } from '@aws-sdk/client-ecr';
import { proxyFromEnvironment } from '../http/proxy.ts';
import type { EcrHost } from './hosts.ts';
import { type AwsService, type EcrOptions, endpointOf } from './options.ts';
import { assumedRole } from './role.ts';

/** The SDK waits between its attempts, longer each time: throttling makes a run slow, not fail. */
const MAX_ATTEMPTS = 8;
/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 60_000;

/** What every client of the SDK is given. */
export interface Connection {
  readonly endpoint?: string;
  readonly profile?: string;
  readonly maxAttempts: number;
  readonly requestHandler: {
    readonly httpsAgent: HttpsAgent;
    readonly httpAgent: HttpAgent;
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
  };
}

/**
 * The same roots and the same proxy as all other requests. The proxy is Node's own (`proxyEnv`, Node 24.5 and 22.21 on);
 * older ones connect directly.
 */
export function connection(options: EcrOptions, service: AwsService): Connection {
  const endpoint = endpointOf(options, service);
  const ca = options.certificates?.();
  // An endpoint of one's own follows the same rules as every other host; the usual ones follow Node's.
  const direct = endpoint !== undefined && proxyFromEnvironment(options.env)(new URL(endpoint)) === undefined;
  const shared = { keepAlive: true, ...(direct ? {} : { proxyEnv: { ...options.env } }) };
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      httpsAgent: new HttpsAgent({ ...shared, ...(ca === undefined ? {} : { ca: [...ca] }) }),
      httpAgent: new HttpAgent(shared),
      connectionTimeout: CONNECT_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
    },
  };
}

/** A client for a private registry's region. The SDK is loaded here, when it is needed, and not with the program. */
export async function ecrClient(host: EcrHost, options: EcrOptions): Promise<ECRClient> {
  const { ECRClient: Client } = await import('@aws-sdk/client-ecr');
  const settings = connection(options, 'ECR');
  // The SDK refuses FIPS and dual-stack names together with an endpoint of one's own.
  const names =
    settings.endpoint === undefined ? { useFipsEndpoint: host.fips, useDualstackEndpoint: host.dualStack } : {};
  const { roleArn } = options;
  const role =
    roleArn === undefined ? {} : { credentials: assumedRole(roleArn, host.region, connection(options, 'STS')) };
  return new Client({ region: host.region, ...settings, ...names, ...role });
}

/** The account in the host's name, which need not be the caller's own. */
export function registryOf({ account }: EcrHost): { readonly registryId?: string } {
  return account === undefined ? {} : { registryId: account };
}
