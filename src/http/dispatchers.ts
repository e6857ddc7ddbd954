import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Dispatcher } from 'undici';
import connect from 'undici/lib/api/api-connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import BaseDispatcher from 'undici/lib/dispatcher/dispatcher.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import Socks5ProxyAgent from 'undici/lib/dispatcher/socks5-proxy-agent.js';
import type { HostCertificates } from './client-certificate.ts';
import { type Connector, plainConnector } from './connector.ts';
import type { ProxyChoice } from './proxy.ts';
import { throughProxy } from './proxy-error.ts';
import { secureConnector, watchCertificateRequest } from './secure-connector.ts';

// undici's entry point does this for all methods; proxy tunnels need this one.
Object.assign(BaseDispatcher.prototype, { connect });

/** Factor for the timeout of a proxy tunnel: the proxy has to connect, too. */
const TUNNEL = 2;

/** Maximum bytes of response headers: cookies of SSO front ends and storage tokens exceed Node's 16 KiB. */
const HEADERS = 256 * 1024;

export interface DispatcherOptions {
  readonly proxy: ProxyChoice;
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
  pick(url: URL, lane: 'read' | 'upload'): Dispatcher;
  close(): Promise<void>;
}

export function createDispatchers(options: DispatcherOptions): Dispatchers {
  const { connectTimeout } = options;
  const made = new Map<string, Dispatcher>();
  let shared: SecureContext | undefined;
  /** Created once: parsing some 300 roots takes tens of milliseconds, and Node would do it for every connection. */
  const sharedContext = (): SecureContext => {
    shared ??= createSecureContext({ ca: [...options.certificates()] });
    return shared;
  };
  const contextFor = (own: HostCertificates | undefined): SecureContext => {
    if (own === undefined) return sharedContext();
    const { ca, cert, key } = own;
    return createSecureContext({
      ca: [...options.certificates(), ...ca],
      ...(cert === undefined ? {} : { cert, key }),
    });
  };
  const make = (proxy: URL | undefined, secure: boolean, own: HostCertificates | undefined): Dispatcher => {
    // HTTP/1.1 only: large bodies are fastest with one connection each, and registries are used to it.
    const settings = {
      connections: options.connections,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 15_000,
      maxHeaderSize: HEADERS,
    };
    const secureContext = secure ? contextFor(own) : undefined;
    const hasCertificate = own?.cert !== undefined;
    if (proxy === undefined) {
      const direct =
        secureContext === undefined
          ? plainConnector(connectTimeout)
          : secureConnector(secureContext, connectTimeout, hasCertificate);
      return new Agent({ ...settings, connect: direct });
    }
    // Client certificates are never sent to a proxy.
    const toProxy = throughProxy(
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
    const headersTimeout = TUNNEL * connectTimeout;
    return new ProxyAgent({
      ...settings,
      uri: proxy.href,
      requestTls,
      clientFactory: (origin: URL, given: object) => new Pool(origin, { ...given, connect: toProxy, headersTimeout }),
      factory(origin: URL, given: object) {
        // Plain HTTP requests go to the proxy itself; TLS connections go through its tunnel.
        const { connect: tunnel } = given as { connect: Connector };
        return new Pool(origin, { ...given, connect: secure ? watched(tunnel, hasCertificate) : toProxy });
      },
    });
  };
  return {
    pick(url, lane) {
      const proxy = options.proxy(url);
      const secure = url.protocol === 'https:';
      const own = secure ? options.hostCertificates(url.host) : undefined;
      const key = `${lane} ${secure} ${proxy?.href ?? ''} ${own === undefined ? '' : url.host}`;
      let dispatcher = made.get(key);
      if (dispatcher === undefined) {
        dispatcher = make(proxy, secure, own);
        made.set(key, dispatcher);
      }
      return dispatcher;
    },
    async close() {
      // Not `close`, which would wait for bodies that are no longer read.
      await Promise.all([...made.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function watched(tunnel: Connector, hasCertificate: boolean): Connector {
  return (options, callback) =>
    tunnel(options, (...result) => {
      if (result[0] === null) watchCertificateRequest(result[1] as TLSSocket, hasCertificate);
      callback(...result);
    });
}
