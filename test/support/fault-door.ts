import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { selfSigned } from '../unit/http/certificate.ts';

/** What a connection meets instead of a registry; a number is what the proxy answers to CONNECT. */
export type Obstacle = 'handshake cut' | 'unknown authority' | 'tunnel cut' | 407 | 502;

/** A way in over TLS, straight or through a proxy. What fails there is no request but a connection. */
export interface FaultDoor {
  /** `127.0.0.1:PORT`, TLS. */
  readonly host: string;
  /** `http://127.0.0.1:PORT`, for HTTPS_PROXY: leads here, whatever host is asked for. */
  readonly proxy: string;
  /** PEM of the authority to trust. */
  readonly authority: string;
  /** Ends the connection that a request came on, without a word. The next ones, so many, meet the obstacle. */
  slam(of: IncomingMessage, obstacle: Obstacle, times: number): void;
  /** Takes all obstacles away. */
  open(): void;
  stop(): Promise<void>;
}

/** @param name host that is asked for through the proxy */
export async function startFaultDoor(listener: RequestListener, name: string): Promise<FaultDoor> {
  const [known, unknown] = [selfSigned(name), selfSigned(name)];
  const inside = createTlsServer(known, listener);
  const strangers = createTlsServer(unknown, listener);
  // A client that does not like the certificate ends the handshake.
  for (const server of [inside, strangers]) server.on('tlsClientError', (_, socket) => socket.destroy());
  const way = { obstacle: 407 as Obstacle, left: 0 };
  const sockets = new Set<Socket>();
  /** Keeps a connection in mind until it ends, came it by TCP or CONNECT. */
  const receive = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  /** The obstacle for one connection, where it is met at such a place. */
  const met = (...at: readonly Obstacle[]): Obstacle | undefined => {
    if (way.left === 0 || !at.includes(way.obstacle)) return undefined;
    way.left--;
    return way.obstacle;
  };
  const enter = (socket: Socket): void => {
    const obstacle = met('handshake cut', 'unknown authority');
    if (obstacle === 'handshake cut') socket.once('data', () => socket.resetAndDestroy());
    else (obstacle === undefined ? inside : strangers).emit('connection', socket);
  };
  const straight = createTcpServer((socket) => {
    receive(socket);
    enter(socket);
  });
  const proxy = createServer((_, outgoing) => outgoing.writeHead(405).end());
  proxy.on('connect', (_, socket: Socket, head) => {
    receive(socket);
    const obstacle = met('tunnel cut', 407, 502);
    if (typeof obstacle === 'number') {
      socket.end(`HTTP/1.1 ${obstacle} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      return;
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) socket.unshift(head);
    if (obstacle === 'tunnel cut') socket.once('data', () => socket.resetAndDestroy());
    else enter(socket);
  });
  for (const server of [straight, proxy]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const hostOf = (server: typeof straight | typeof proxy): string =>
    `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host: hostOf(straight),
    proxy: `http://${hostOf(proxy)}`,
    authority: known.cert,
    slam({ socket: { remotePort } }, obstacle, times) {
      Object.assign(way, { obstacle, left: times });
      for (const socket of sockets) if (socket.remotePort === remotePort) socket.resetAndDestroy();
    },
    open() {
      way.left = 0;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      proxy.closeAllConnections();
      for (const server of [straight, proxy]) {
        server.close();
        await once(server, 'close');
      }
    },
  };
}
