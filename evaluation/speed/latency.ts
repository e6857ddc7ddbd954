import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A proxy that adds latency to a registry. */
export interface LatencyProxy {
  /** `HOST:PORT` of the proxy. */
  readonly host: string;
  close(): void;
}

/**
 * Starts a proxy that delays the first byte of every response by `milliseconds` after the last byte of its request.
 * Connecting is not delayed, and bandwidth is not limited.
 */
export async function startLatencyProxy(target: string, milliseconds: number): Promise<LatencyProxy> {
  const [name = '', port] = target.split(':');
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const registry = connect({ host: name, port: Number(port), noDelay: true });
    for (const socket of [client, registry]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    }
    join(client, registry, milliseconds);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function join(client: Socket, registry: Socket, milliseconds: number): void {
  /** Time from which the response may be sent; undefined once it has started. */
  let due: number | undefined;
  let isDelayed = false;
  let isClosed = false;
  client.on('data', (bytes) => {
    due = performance.now() + milliseconds;
    if (registry.write(bytes)) return;
    client.pause();
    registry.once('drain', () => client.resume());
  });
  registry.on('data', (bytes) => {
    const send = (): void => {
      isDelayed = false;
      if (client.write(bytes)) registry.resume();
      else client.once('drain', () => registry.resume());
      if (isClosed) client.end();
    };
    const wait = (due ?? 0) - performance.now();
    due = undefined;
    isDelayed = wait > 0;
    registry.pause();
    if (isDelayed) setTimeout(send, wait);
    else send();
  });
  client.on('end', () => registry.end()).on('close', () => registry.destroy());
  // Delayed bytes are still sent after the registry has closed the connection.
  registry.on('close', () => {
    isClosed = true;
    if (!isDelayed) client.end();
  });
}
