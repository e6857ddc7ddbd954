import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent, Socks5ProxyAgent } from 'undici';
import type { HostCertificates } from './client-certificate.ts';
import { type Connector, plainConnector, secureConnector, watchCertificateRequest } from './connector.ts';
import { markProxyErrors, type ProxyResolver } from './proxy.ts';

/** Factor for the timeout of a proxy tunnel: the proxy has to connect, too. */
const TUNNEL_TIMEOUT_FACTOR = 2;

/** Maximum bytes of response headers: cookies of SSO front ends and storage tokens exceed Node's 16 KiB. */
const MAX_HEADER_SIZE = 256 * 1024;

export interface DispatcherOptions {
  readonly proxy: ProxyResolver;
  /** PEM roots, read once for the first TLS connection. */
  readonly certificates: () => readonly string[];
  /**
   * Roots and client certificate specific to a host (`host[:port]`); undefined for most hosts. Called for every
   * request.
   */
  readonly hostCertificates: (host: string) => HostCertificates | undefined;
  /** Connections per host, separately for reads and uploads. */
  readonly connections: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

/** Pools of keep-alive connections. */
export interface Dispatchers {
  /**
   * Returns the pool for a URL. Uploads use separate connections: a copy within one host reads while it writes, and
   * would otherwise wait for itself.
   * @throws AirgapError `config` for unusable certificates of the host
   */
  pick(url: URL, direction: 'read' | 'upload'): Dispatcher;
  close(): Promise<void>;
}

export function createDispatchers(options: DispatcherOptions): Dispatchers {
  const { connectTimeout } = options;
  const dispatchers = new Map<string, Dispatcher>();
  let shared: SecureContext | undefined;
  /** Created once: parsing some 300 roots takes tens of milliseconds, and Node would do it for every connection. */
  const sharedContext = (): SecureContext => {
    shared ??= createSecureContext({ ca: [...options.certificates()] });
    return shared;
  };
  const contextFor = (hostSpecific: HostCertificates | undefined): SecureContext => {
    if (hostSpecific === undefined) return sharedContext();
    const { ca, cert, key } = hostSpecific;
    return createSecureContext({
      ca: [...options.certificates(), ...ca],
      cert,
      key,
    });
  };
  const createDispatcher = (
    proxy: URL | undefined,
    secure: boolean,
    hostSpecific: HostCertificates | undefined,
  ): Dispatcher => {
    // HTTP/1.1 only: large bodies are fastest with one connection each, and registries are used to it.
    const settings = {
      connections: options.connections,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 15_000,
      maxHeaderSize: MAX_HEADER_SIZE,
    };
    const secureContext = secure ? contextFor(hostSpecific) : undefined;
    const hasCertificate = hostSpecific?.cert !== undefined;
    if (proxy === undefined) {
      const direct =
        secureContext === undefined
          ? plainConnector(connectTimeout)
          : secureConnector(secureContext, connectTimeout, hasCertificate);
      return new Agent({ ...settings, connect: direct });
    }
    // Client certificates are never sent to a proxy.
    const toProxy = markProxyErrors(
      proxy.protocol === 'https:'
        ? secureConnector(sharedContext(), connectTimeout, false)
        : plainConnector(connectTimeout),
      proxy,
    );
    const requestTls = { ...(secureContext && { secureContext }), timeout: connectTimeout, allowH2: false };
    if (proxy.protocol === 'socks5:') {
      return new Socks5ProxyAgent(proxy, { ...settings, connect: toProxy, connectTimeout, requestTls });
    }
    // The default is five minutes, for a proxy that accepts the connection but does not open the tunnel.
    const headersTimeout = TUNNEL_TIMEOUT_FACTOR * connectTimeout;
    return new ProxyAgent({
      ...settings,
      uri: proxy.href,
      requestTls,
      clientFactory: (origin: URL, poolOptions: object) =>
        new Pool(origin, { ...poolOptions, connect: toProxy, headersTimeout }),
      factory(origin: URL, poolOptions: object) {
        // Plain HTTP requests go to the proxy itself; TLS connections go through its tunnel.
        const { connect: tunnel } = poolOptions as { connect: Connector };
        return new Pool(origin, { ...poolOptions, connect: secure ? watchedTunnel(tunnel, hasCertificate) : toProxy });
      },
    });
  };
  return {
    pick(url, direction) {
      const proxy = options.proxy(url);
      const secure = url.protocol === 'https:';
      const hostSpecific = secure ? options.hostCertificates(url.host) : undefined;
      const key = `${direction} ${secure} ${proxy?.href ?? ''} ${hostSpecific === undefined ? '' : url.host}`;
      let dispatcher = dispatchers.get(key);
      if (dispatcher === undefined) {
        dispatcher = createDispatcher(proxy, secure, hostSpecific);
        dispatchers.set(key, dispatcher);
      }
      return dispatcher;
    },
    async close() {
      // Not `close`, which would wait for bodies that are no longer read.
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function watchedTunnel(tunnel: Connector, hasCertificate: boolean): Connector {
  return (options, callback) =>
    tunnel(options, (...result) => {
      if (result[0] === null) watchCertificateRequest(result[1] as TLSSocket, hasCertificate);
      callback(...result);
    });
}
