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

// As undici's front door does for all of its methods: a proxy's tunnel is opened by this one.
Object.assign(BaseDispatcher.prototype, { connect });

/** How much longer the way through a proxy's tunnel may take than a connection: the proxy connects, too. */
const TUNNEL = 2;

/** Bytes of an answer's headers: cookies of SSO front ends and tokens of storages are more than the 16 KiB of Node. */
const HEADERS = 256 * 1024;

export interface DispatcherOptions {
  readonly proxy: ProxyChoice;
  /** PEM roots, read once when the first TLS connection is made. */
  readonly certificates: () => readonly string[];
  /** Roots and client certificate of a host (`host[:port]`) of its own; undefined for most. Asked for every request. */
  readonly hostCertificates: (host: string) => HostCertificates | undefined;
  /** Connections per host, for reading and for uploading each. */
  readonly connections: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

/** The pools of kept-alive connections. */
export interface Dispatchers {
  /**
   * `upload` requests have connections of their own: a copy within one host reads while it writes, and must not wait for itself.
   * @throws AirgapError `config` for certificates of the host that cannot be used
   */
  pick(url: URL, lane: 'read' | 'upload'): Dispatcher;
  close(): Promise<void>;
}

export function createDispatchers(options: DispatcherOptions): Dispatchers {
  const { connectTimeout } = options;
  const made = new Map<string, Dispatcher>();
  let shared: SecureContext | undefined;
  /** Made once: reading some 300 roots takes tens of milliseconds, and Node would do it for each connection. */
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
    // HTTP/1.1 only: one connection a body is what makes large bodies fast, and what registries are used to.
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
    // No client certificate is for a proxy, whatever hosts it leads to.
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
    // By itself it would wait for five minutes for a proxy that takes the connection and does not open the tunnel.
    const headersTimeout = TUNNEL * connectTimeout;
    return new ProxyAgent({
      ...settings,
      uri: proxy.href,
      requestTls,
      clientFactory: (origin: URL, given: object) => new Pool(origin, { ...given, connect: toProxy, headersTimeout }),
      factory(origin: URL, given: object) {
        // Plain HTTP is asked of the proxy itself; connections for TLS come out of its tunnel.
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
      // Not `close`: that waits for bodies which nobody reads any more.
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
