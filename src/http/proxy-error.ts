import type { Connector } from './connector.ts';

/** Thrown when the proxy itself cannot be reached. It says nothing about the host behind the proxy. */
export class ProxyError extends Error {
  readonly code = 'AIRGAP_PROXY';

  /** URL of the proxy. May contain credentials, so messages show its host only. */
  readonly proxy: URL;

  constructor(proxy: URL, cause: unknown) {
    super(`the proxy ${proxy.host} cannot be reached`, { cause });
    this.proxy = proxy;
  }
}

/** Wraps a connector to a proxy so that its failures are {@link ProxyError}s. */
export function markProxyErrors(connect: Connector, proxy: URL): Connector {
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error === null) callback(null, socket);
      else callback(new ProxyError(proxy, error), null);
    });
}
