import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A registry that is further away than it is. */
export interface Distance {
  /** `HOST:PORT` of the near end. */
  readonly host: string;
  close(): void;
}

/**
 * Stands before a registry and holds the first byte of every answer back, `milliseconds` after the last byte of what was
 * asked, as a distant one would. Connecting is not delayed, and bandwidth is not limited.
 */
export async function distant(target: string, milliseconds: number): Promise<Distance> {
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
  /** When the next byte of the answer may go; undefined while one is on its way. */
  let due: number | undefined;
  let isHeld = false;
  let isOver = false;
  client.on('data', (bytes) => {
    due = performance.now() + milliseconds;
    if (registry.write(bytes)) return;
    client.pause();
    registry.once('drain', () => client.resume());
  });
  registry.on('data', (bytes) => {
    const send = (): void => {
      isHeld = false;
      if (client.write(bytes)) registry.resume();
      else client.once('drain', () => registry.resume());
      if (isOver) client.end();
    };
    const wait = (due ?? 0) - performance.now();
    due = undefined;
    isHeld = wait > 0;
    registry.pause();
    if (isHeld) setTimeout(send, wait);
    else send();
  });
  client.on('end', () => registry.end()).on('close', () => registry.destroy());
  // A registry that hangs up has still said what is held back.
  registry.on('close', () => {
    isOver = true;
    if (!isHeld) client.end();
  });
}
