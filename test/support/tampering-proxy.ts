import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Change to one response. */
export type Tampering =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'flip-first-byte' }
  | { readonly kind: 'cut-after'; readonly bytes: number }
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number };

export interface TamperingProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  stop(): Promise<void>;
}

/**
 * Starts a proxy in front of a real registry that tampers with responses.
 * @param tamper chooses the change for a request; undefined leaves the response as it is
 * @param served called with the bytes of each piece of a body that is passed on
 */
export async function startTamperingProxy(
  upstream: string,
  tamper: (method: string, path: string) => Tampering | undefined,
  served: (path: string, bytes: number) => void = () => {},
): Promise<TamperingProxy> {
  const server = createServer((incoming, outgoing) => {
    const [host, port] = upstream.split(':');
    const headers = { ...incoming.headers, host: upstream };
    const forward = request({ host, port, method: incoming.method, path: incoming.url, headers }, (answer) => {
      const { method = '', url = '' } = incoming;
      relay(answer, outgoing, tamper(method, url), (bytes) => served(url, bytes));
    });
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Served = (bytes: number) => void;

function relay(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  tampering: Tampering | undefined,
  served: Served,
): void {
  if (tampering?.kind === 'status') {
    answer.resume();
    outgoing.writeHead(tampering.status).end();
    return;
  }
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  if (tampering === undefined) {
    answer.on('data', (chunk: Buffer) => served(chunk.length));
    answer.pipe(outgoing);
    return;
  }
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  answer.on('end', () => spoil(Buffer.concat(chunks), outgoing, tampering, served));
}

function spoil(
  body: Buffer,
  outgoing: ServerResponse,
  tampering: Exclude<Tampering, { kind: 'status' }>,
  served: Served,
): void {
  if (tampering.kind === 'flip-first-byte') {
    if (body.length > 0) body[0] = (body[0] as number) ^ 0xff;
    served(body.length);
    outgoing.end(body);
  } else if (tampering.kind === 'cut-after') {
    served(Math.min(body.length, tampering.bytes));
    outgoing.write(body.subarray(0, tampering.bytes), () => outgoing.destroy());
  } else {
    let offset = 0;
    const timer = setInterval(() => {
      if (offset >= body.length || outgoing.destroyed) {
        clearInterval(timer);
        outgoing.end();
        return;
      }
      const piece = body.subarray(offset, offset + tampering.bytes);
      served(piece.length);
      outgoing.write(piece);
      offset += piece.length;
    }, tampering.everyMs);
  }
}
