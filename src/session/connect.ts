import { userEnvironment } from '../auth/credential-files.ts';
import { environmentKeychain } from '../auth/environment-keychain.ts';
import { fileKeychain } from '../auth/file-keychain.ts';
import {
  type CommandLineLogin,
  chainKeychains,
  commandLineKeychain,
  type Keychain,
  skopeoFileKeychain,
} from '../auth/keychain.ts';
import { ecrHost, isEcrPublic } from '../ecr/hosts.ts';
import { ecrKeychain, ecrPublicKeychain, ecrPublicLoginRequired, ecrPublicTargetKeychain } from '../ecr/keychain.ts';
import type { AwsAccess, EcrOptions } from '../ecr/options.ts';
import { publicEcrEquivalent } from '../ecr/public-equivalents.ts';
import { ecrLayerLookup, ecrRateLimiter } from '../ecr/uploads.ts';
import type { ClientCertificate } from '../http/client-certificate.ts';
import type { RetryPolicy } from '../http/retry.ts';
import { createTransport, type Transport, type TransportOptions } from '../http/transport.ts';
import type { MirantisClient } from '../mirantis/api.ts';
import { createMirantisClient } from '../mirantis/client.ts';
import { createRegistryClient, type RegistryClient } from '../registry/client.ts';
import type { Mirror } from '../registry/routes.ts';
import type { Context } from './context.ts';

/** Settings for access to registries. */
export interface RegistryAccess extends AwsAccess {
  /** A registry, `host/path` or `*`, and the repository prefix that is read instead; in order, if there are several. */
  readonly mirrors: readonly Mirror[];
  /** Reads an image from Public ECR if its equivalent there has the same digest. Default: false. */
  readonly preferPublicEcr?: boolean;
  /** Hosts that use HTTP without TLS. */
  readonly plainHttp: readonly string[];
  /** PEM file with additional certificate authorities. */
  readonly caFile?: string;
  /** Client certificates by host, in addition to those in certs.d folders. */
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Login for one registry from the command line. */
  readonly login?: CommandLineLogin;
  /** Logins of the configuration file; used after variables. */
  readonly configured?: Keychain;
  /** Logins in files for `skopeo sync`, each for its registry; used after those of the configuration file. */
  readonly logins?: readonly CommandLineLogin[];
  /** Logins with the tokens of clusters, each for the registry of its cluster; used before auth files. */
  readonly clusterLogins?: readonly Keychain[];
  /** Registries named by the user, not by a chart. */
  readonly named?: readonly string[];
  /** Set for a push: redirect targets then get no credentials of other registries. Default: false. */
  readonly isPushTarget?: boolean;
  /** Milliseconds that a credential helper may take. Default: a minute. */
  readonly helperTimeout?: number;
  /** Credentials to use in place of all sources, such as those of a pull secret. */
  readonly keychain?: Keychain;
  /** Set if answers are wanted soon and not at any price: fewer attempts and shorter waits than for transfers. Default: false. */
  readonly isQuick?: boolean;
}

/** Attempts for quick access: enough for a lost packet or a registry that restarts. Times in milliseconds. */
const QUICK_RETRY: Partial<RetryPolicy> = {
  attempts: 3,
  throttledAttempts: 5,
  baseDelay: 300,
  maxDelay: 3000,
  maxRetryAfter: 20_000,
};
/** Milliseconds until a connection is accepted, and until response headers arrive. */
const QUICK_TIMEOUTS = { connectTimeout: 5000, headersTimeout: 30_000 } as const;

/** Access to registries, and the number of concurrent requests. */
export interface RegistryUse {
  readonly access: RegistryAccess;
  readonly concurrency: number;
}

export interface RegistryConnection {
  /** Client for all registries, with credentials from the command line, variables, configuration, ECR, ECR Public and auth files. */
  readonly client: RegistryClient;
  /** Options with the same TLS settings for the ECR API. */
  readonly ecr: EcrOptions;
}

/**
 * Creates a client for registries, which the caller has to close.
 * @param deadline aborts all requests; if given, requests are not retried
 */
export function connect(context: Context, access: RegistryAccess, deadline?: AbortSignal): RegistryConnection {
  const { transport, keychain, ecr } = openAccess(context, access, deadline);
  const { mirrors, preferPublicEcr = false, isPushTarget = false, ecrHosts } = access;
  const mountsNamedOnly = (registry: string): boolean =>
    isEcrPublic(registry) || ecrHost(registry, ecrHosts) !== undefined;
  return {
    client: createRegistryClient({
      keychain,
      transport,
      mirrors,
      equivalentOf: preferPublicEcr && !isPushTarget ? publicEcrEquivalent : undefined,
      mountsNamedOnly,
      isPushTarget,
      emit: context.emit,
      rateLimiter: ecrRateLimiter(ecrHosts),
      findBlobs: ecrLayerLookup(ecr),
    }),
    ecr,
  };
}

/** Creates a client for the accounts, teams and repositories of a Mirantis Secure Registry; the caller has to close it. */
export function connectMirantis(context: Context, access: RegistryAccess, registry: string): MirantisClient {
  const { transport, keychain } = openAccess(context, access);
  return createMirantisClient({ registry, transport, keychain, signal: context.signal });
}

/**
 * Creates what all clients of a run need: a transport, which the caller has to close, the logins in the order of their
 * sources, and access to AWS.
 */
export function openAccess(
  { env, emit, signal }: Context,
  {
    mirrors: _mirrors,
    preferPublicEcr: _preferPublicEcr,
    plainHttp,
    caFile,
    clientCertificates = [],
    login,
    configured,
    logins = [],
    clusterLogins = [],
    named = [],
    isPushTarget = false,
    keychain: given,
    helperTimeout,
    isQuick = false,
    ...aws
  }: RegistryAccess,
  deadline?: AbortSignal,
): { readonly transport: Transport; readonly keychain: Keychain; readonly ecr: EcrOptions } {
  const options = { env, plainHttp, emit, clientCertificates, caFile };
  const retrying: Transport = isQuick
    ? quickTransport({ ...options, ...QUICK_TIMEOUTS, retry: QUICK_RETRY })
    : createTransport(options);
  const transport = deadline === undefined ? retrying : withoutRetries(retrying, deadline);
  const ecr: EcrOptions = {
    env,
    emit,
    ...(signal && { signal }),
    certificates: () => transport.certificates(),
    hostCertificates: (host) => transport.hostCertificates(host),
    ...aws,
  };
  const ownKeychain = chainKeychains(
    ...(login === undefined ? [] : [commandLineKeychain(login)]),
    environmentKeychain(env, named),
    ...(configured === undefined ? [] : [configured]),
    ...logins.map(skopeoFileKeychain),
    ...clusterLogins,
    ecrKeychain(ecr),
    isPushTarget ? ecrPublicTargetKeychain(ecr) : ecrPublicKeychain(ecr),
    fileKeychain({ ...userEnvironment(env), emit, helperTimeout }),
    ...(isPushTarget ? [ecrPublicLoginRequired()] : []),
  );
  return { transport, keychain: given ?? ownKeychain, ecr };
}

/** Creates a transport that does not wait longer for content, as pull-through caches may require. */
function quickTransport(options: TransportOptions): Transport {
  const transport = createTransport(options);
  const { headersTimeout } = QUICK_TIMEOUTS;
  return { ...transport, request: (request) => transport.request({ ...request, headersTimeout, maxTimeouts: 1 }) };
}

function withoutRetries(transport: Transport, signal: AbortSignal): Transport {
  return {
    ...transport,
    request: ({ signal: own, ...request }) =>
      transport.request({
        ...request,
        retry: false,
        signal: own === undefined ? signal : AbortSignal.any([own, signal]),
      }),
    retrier: { waitForRetry: async () => false },
  };
}
