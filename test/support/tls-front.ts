import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { selfSigned } from './certificate.ts';

/** Fault of a connection; a number is the proxy's answer to CONNECT. */
export type Obstacle = 'handshake cut' | 'unknown authority' | 'tunnel cut' | 407 | 502;

/** TLS front end of a fault proxy, reached directly or through an HTTP proxy. Its faults concern connections, not requests. */
export interface TlsFront {
  /** `127.0.0.1:PORT`, TLS. */
  readonly host: string;
  /** `http://127.0.0.1:PORT`, for HTTPS_PROXY: connects here, whatever host is requested. */
  readonly proxy: string;
  /** PEM certificate of the authority to trust. */
  readonly authority: string;
  /** Resets the connection of a request, and puts the obstacle in the way of the next `times` ones. */
  obstruct(of: IncomingMessage, obstacle: Obstacle, times: number): void;
  /** Removes all obstacles. */
  clear(): void;
  stop(): Promise<void>;
}

/** @param names hosts that are requested through the proxy */
export async function startTlsFront(listener: RequestListener, ...names: readonly string[]): Promise<TlsFront> {
  const [known, unknown] = [selfSigned(...names), selfSigned(...names)];
  const trusted = createTlsServer(known, listener);
  const untrusted = createTlsServer(unknown, listener);
  // A client that does not like the certificate ends the handshake.
  for (const server of [trusted, untrusted]) server.on('tlsClientError', (_, socket) => socket.destroy());
  const next = { obstacle: 407 as Obstacle, left: 0 };
  const sockets = new Set<Socket>();
  /** Records an open connection, by TCP or CONNECT. */
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  /** Takes the obstacle for one connection, if it is of these kinds. */
  const takeObstacle = (...kinds: readonly Obstacle[]): Obstacle | undefined => {
    if (next.left === 0 || !kinds.includes(next.obstacle)) return undefined;
    next.left--;
    return next.obstacle;
  };
  const accept = (socket: Socket): void => {
    const obstacle = takeObstacle('handshake cut', 'unknown authority');
    if (obstacle === 'handshake cut') socket.once('data', () => socket.resetAndDestroy());
    else (obstacle === undefined ? trusted : untrusted).emit('connection', socket);
  };
  const direct = createTcpServer((socket) => {
    track(socket);
    accept(socket);
  });
  const proxy = createServer((_, outgoing) => outgoing.writeHead(405).end());
  proxy.on('connect', (_, socket: Socket, head) => {
    track(socket);
    const obstacle = takeObstacle('tunnel cut', 407, 502);
    if (typeof obstacle === 'number') {
      socket.end(`HTTP/1.1 ${obstacle} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      return;
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) socket.unshift(head);
    if (obstacle === 'tunnel cut') socket.once('data', () => socket.resetAndDestroy());
    else accept(socket);
  });
  for (const server of [direct, proxy]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const hostOf = (server: typeof direct | typeof proxy): string =>
    `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host: hostOf(direct),
    proxy: `http://${hostOf(proxy)}`,
    authority: known.cert,
    obstruct({ socket: { remotePort } }, obstacle, times) {
      Object.assign(next, { obstacle, left: times });
      for (const socket of sockets) if (socket.remotePort === remotePort) socket.resetAndDestroy();
    },
    clear() {
      next.left = 0;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      proxy.closeAllConnections();
      for (const server of [direct, proxy]) {
        server.close();
        await once(server, 'close');
      }
    },
  };
}
