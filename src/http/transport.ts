import { AirgapError } from '../base/errors.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { isPlainHttp } from '../base/host-spellings.ts';
import { readCertificates, trustedCertificates } from './certificates.ts';
import type { ClientCertificate, HostCertificates } from './client-certificate.ts';
import { createDispatchers } from './dispatchers.ts';
import { exchange, type HttpResponse } from './exchange.ts';
import { systemCertificates } from './host-certificates.ts';
import { DEFAULT_MINIMUM_RATE, type MinimumRate } from './minimum-rate.ts';
import { proxyFromEnvironment } from './proxy.ts';
import { createRateLimiters } from './rate-limiter.ts';
import { createRetrier, RETRY_DEFAULTS, type Retrier, type RetryPolicy } from './retry.ts';
import { type HttpRequest, sendRequest, type TransportContext } from './send.ts';
import { createSharedSteps } from './shared-steps.ts';

/** Options of a transport. Times in milliseconds. */
export interface TransportOptions {
  /** Environment with HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and HOME. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** PEM file with additional trusted roots. */
  readonly caFile?: string;
  /** Client certificates by host, in addition to those found in Docker's and Podman's certs.d directories. */
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Hosts (`HOST` or `HOST:PORT`) to access without TLS. */
  readonly plainHttp?: readonly string[];
  /** Maximum connections per host, separately for reads and uploads. Default 64. */
  readonly connections?: number;
  /** Default 15 s. */
  readonly connectTimeout?: number;
  /** Time until the response headers. Default 60 s. */
  readonly headersTimeout?: number;
  /** Time between two chunks of a body, in either direction. Default 60 s. */
  readonly bodyTimeout?: number;
  /** Minimum rate of all responses together while one of them is being read. Default 60 kB in 60 s. */
  readonly minimumRate?: MinimumRate;
  readonly retry?: Partial<RetryPolicy>;
  readonly userAgent?: string;
  readonly emit?: Emit;
}

/** HTTP client for all requests to registries, storage and token servers. */
export interface Transport {
  /** Returns `http` for the hosts in `plainHttp`, `https` for all others. */
  scheme(host: string): 'http' | 'https';
  /**
   * Sends a request, follows redirects and retries. Resolves with any status, including 5xx when no attempt is left.
   * @throws AirgapError `network` without a response, `registry` for a redirect that is not followed (loop, plain
   * HTTP), `interrupted`; errors of the body's source
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Retrier for operations of several requests. */
  readonly retrier: Retrier;
  /** Returns the trusted PEM roots, for other HTTP clients. */
  certificates(): readonly string[];
  /**
   * Returns roots and client certificate specific to a host (`host[:port]`), for other HTTP clients.
   * @throws AirgapError `config`
   */
  hostCertificates(host: string): HostCertificates | undefined;
  /** Closes all connections, including those in use. */
  close(): Promise<void>;
}

/** Creates a transport. @throws AirgapError `config` for an unusable proxy, certificate file or host */
export function createTransport(options: TransportOptions = {}): Transport {
  const env = options.env ?? {};
  const { plainHttp = [] } = options;
  checkPlainHttpHosts(plainHttp);
  // Validates --ca-file immediately; all other roots are read for the first TLS connection.
  if (options.caFile !== undefined) readCertificates(options.caFile, '--ca-file');
  let roots: readonly string[] | undefined;
  const certificates = (): readonly string[] => {
    roots ??= trustedCertificates({ env, caFile: options.caFile });
    return roots;
  };
  const hostCertificates = systemCertificates(options.clientCertificates ?? [], env);
  const dispatchers = createDispatchers({
    proxy: proxyFromEnvironment(env),
    certificates,
    hostCertificates,
    connections: options.connections ?? 64,
    connectTimeout: options.connectTimeout ?? 15_000,
  });
  const { emit = ignoreEvents } = options;
  const retrier = createRetrier({ ...RETRY_DEFAULTS, ...options.retry }, emit);
  const context: TransportContext = {
    isPlainHttp: (host) => isPlainHttp(host, plainHttp),
    send: (request) => exchange(dispatchers.pick(request.url, request.method === 'PUT' ? 'upload' : 'read'), request),
    rateLimiters: createRateLimiters(),
    userAgent: options.userAgent ?? 'helm-airgap',
    headersTimeout: options.headersTimeout ?? 60_000,
    bodyTimeout: options.bodyTimeout ?? 60_000,
    minimumRate: options.minimumRate ?? DEFAULT_MINIMUM_RATE,
    received: { bytes: 0 },
    retrier,
    waits: createSharedSteps(emit),
  };
  return {
    scheme: (host) => (isPlainHttp(host, plainHttp) ? 'http' : 'https'),
    request: (request) => sendRequest(context, request),
    retrier,
    certificates,
    hostCertificates,
    close: () => dispatchers.close(),
  };
}

/**
 * Checks the hosts of `--plain-http`: `HOST` for every port, `HOST:PORT` for that port only.
 * @throws AirgapError `config` for a URL or a host with a path
 */
function checkPlainHttpHosts(hosts: readonly string[]): void {
  const other = hosts.find((host) => host === '' || /[/@\s]/.test(host));
  if (other === undefined) return;
  throw new AirgapError('config', `--plain-http ${other} is not a host`, { hint: 'write HOST or HOST:PORT' });
}
