import type { Connector } from './connector.ts';

/** The proxy itself could not be reached: nothing is known of the host behind it. */
export class ProxyError extends Error {
  readonly code = 'AIRGAP_PROXY';

  /** Of the proxy. Credentials may stand in it: messages name its host alone. */
  readonly proxy: URL;

  constructor(proxy: URL, cause: unknown) {
    super(`the proxy ${proxy.host} cannot be reached`, { cause });
    this.proxy = proxy;
  }
}

/** A connector to a proxy, whose failures say that it was the proxy. */
export function throughProxy(connect: Connector, proxy: URL): Connector {
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error === null) callback(null, socket);
      else callback(new ProxyError(proxy, error), null);
    });
}
