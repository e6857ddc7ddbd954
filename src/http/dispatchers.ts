import { createSecureContext, type SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import connect from 'undici/lib/api/api-connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import BaseDispatcher from 'undici/lib/dispatcher/dispatcher.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import { plainConnector } from './connector.ts';
import type { ProxyChoice } from './proxy.ts';

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
  /** Connections per host, for reading and for uploading each. */
  readonly connections: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
}

/** The pools of kept-alive connections. */
export interface Dispatchers {
  /** `upload` requests have connections of their own: a copy within one host reads while it writes, and must not wait for itself. */
  pick(url: URL, lane: 'read' | 'upload'): Dispatcher;
  close(): Promise<void>;
}

export function createDispatchers(options: DispatcherOptions): Dispatchers {
  const made = new Map<string, Dispatcher>();
  let context: SecureContext | undefined;
  const tls = (): { secureContext: SecureContext; timeout: number } => {
    // Made once: reading some 300 roots takes tens of milliseconds, and Node would do it for each connection.
    context ??= createSecureContext({ ca: [...options.certificates()] });
    return { secureContext: context, timeout: options.connectTimeout };
  };
  const make = (proxy: URL | undefined, secure: boolean): Dispatcher => {
    // HTTP/1.1 only: one connection a body is what makes large bodies fast, and what registries are used to.
    const shared = {
      connections: options.connections,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 15_000,
      maxHeaderSize: HEADERS,
    };
    const connect = secure ? tls() : { timeout: options.connectTimeout };
    if (proxy === undefined)
      return new Agent({ ...shared, connect: secure ? connect : plainConnector(options.connectTimeout) });
    const proxyTls = proxy.protocol === 'https:' ? tls() : { timeout: options.connectTimeout };
    // By itself it would wait for five minutes for a proxy that takes the connection and does not open the tunnel.
    const headersTimeout = TUNNEL * options.connectTimeout;
    const clientFactory = (origin: URL, settings: object): Dispatcher =>
      new Pool(origin, { ...settings, headersTimeout });
    const requestTls = { ...connect, allowH2: false };
    return new ProxyAgent({ ...shared, uri: proxy.href, requestTls, proxyTls, clientFactory });
  };
  return {
    pick(url, lane) {
      const proxy = options.proxy(url);
      const secure = url.protocol === 'https:';
      const key = `${lane} ${secure} ${proxy?.href ?? ''}`;
      let dispatcher = made.get(key);
      if (dispatcher === undefined) {
        dispatcher = make(proxy, secure);
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
