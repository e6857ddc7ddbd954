import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server that reads the head of each request and answers with arbitrary bytes. */
export interface RawServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  stop(): void;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly socket: Socket;
}

/** @param answer called for each request, without its body */
export async function startRaw(answer: (request: RawRequest) => void): Promise<RawServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const [, method = '', path = ''] = /^(\S+) (\S+)/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 4);
        answer({ method, path, socket });
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
