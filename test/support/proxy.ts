import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { basicOf } from './basic.ts';

export interface ProxyOptions {
  /** Required `USER:PASSWORD`. */
  readonly account?: string;
  /** Status line, as `403 Forbidden`, for a CONNECT that it refuses. */
  readonly refuse?: (host: string, port: number) => string | undefined;
}

/** An HTTP proxy that connects host names to ports on loopback: for hosts that do not exist here, such as ECR's. */
export interface TestProxy {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `METHOD TARGET` of every request. */
  readonly log: readonly string[];
  /** Requested hosts, with their port unless it is the scheme's, in order. */
  readonly requestedHosts: readonly string[];
  /** `Proxy-Authorization` of every CONNECT. */
  readonly authorizations: readonly (string | undefined)[];
  stop(): void;
}

/** @param route port on loopback for a requested host and port; undefined: no such host */
export async function startProxy(
  route: (host: string, port: number) => number | undefined,
  { account, refuse }: ProxyOptions = {},
): Promise<TestProxy> {
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  };
  const log: string[] = [];
  const requestedHosts: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((incoming, outgoing) => {
    log.push(`${incoming.method} ${incoming.url}`);
    const { host, hostname, port } = new URL(incoming.url ?? '');
    requestedHosts.push(host);
    relay(incoming, outgoing, route(hostname, Number(port || 80)));
  });
  server.on('connection', keep);
  server.on('connect', ({ url = '', headers }, socket: Socket, head) => {
    log.push(`CONNECT ${url}`);
    requestedHosts.push(url);
    authorizations.push(headers['proxy-authorization']);
    const [, host = '', port] = /^(.+):(\d+)$/.exec(url) ?? [];
    const end = (status: string): void => void socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
    const refusal = refuse?.(host, Number(port));
    if (refusal !== undefined) return end(refusal);
    if (account !== undefined && headers['proxy-authorization'] !== basicOf(account)) {
      return end('407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="proxy"');
    }
    const to = route(host, Number(port));
    if (to === undefined) return end('502 Bad Gateway');
    const onward = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    keep(onward);
    onward.on('close', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    log,
    requestedHosts,
    authorizations,
    stop() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Starts a proxy that connects every host to one address, `127.0.0.1:PORT`. */
export function startProxyTo(address: string): Promise<TestProxy> {
  const port = Number(address.split(':')[1]);
  return startProxy(() => port);
}

/** Plain HTTP comes with the whole URL (RFC 9112, absolute form). */
function relay(incoming: IncomingMessage, outgoing: ServerResponse, port: number | undefined): void {
  if (port === undefined) {
    outgoing.writeHead(502).end();
    return;
  }
  const { host, pathname, search } = new URL(incoming.url ?? '');
  const { method, headers } = incoming;
  const to = { host: '127.0.0.1', port, path: pathname + search, method, headers: { ...headers, host } };
  const onward = request(to, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
