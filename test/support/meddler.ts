import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a meddler does to one answer; undefined leaves it as it is. */
export type Meddling =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'flip-first-byte' }
  | { readonly kind: 'cut-after'; readonly bytes: number }
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number };

export interface Meddler {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  stop(): Promise<void>;
}

/**
 * Stands between a client and a real registry, and spoils what it is told to: faults that a real registry has no switch for.
 * @param served told of every piece of a body that is passed on
 */
export async function startMeddler(
  upstream: string,
  meddle: (method: string, path: string) => Meddling | undefined,
  served: (path: string, bytes: number) => void = () => {},
): Promise<Meddler> {
  const server = createServer((incoming, outgoing) => {
    const [host, port] = upstream.split(':');
    const headers = { ...incoming.headers, host: upstream };
    const forward = request({ host, port, method: incoming.method, path: incoming.url, headers }, (answer) => {
      const { method = '', url = '' } = incoming;
      relay(answer, outgoing, meddle(method, url), (bytes) => served(url, bytes));
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
  meddling: Meddling | undefined,
  served: Served,
): void {
  if (meddling?.kind === 'status') {
    answer.resume();
    outgoing.writeHead(meddling.status).end();
    return;
  }
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  if (meddling === undefined) {
    answer.on('data', (chunk: Buffer) => served(chunk.length));
    answer.pipe(outgoing);
    return;
  }
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  answer.on('end', () => spoil(Buffer.concat(chunks), outgoing, meddling, served));
}

function spoil(
  body: Buffer,
  outgoing: ServerResponse,
  meddling: Exclude<Meddling, { kind: 'status' }>,
  served: Served,
): void {
  if (meddling.kind === 'flip-first-byte') {
    if (body.length > 0) body[0] = (body[0] as number) ^ 0xff;
    served(body.length);
    outgoing.end(body);
  } else if (meddling.kind === 'cut-after') {
    served(Math.min(body.length, meddling.bytes));
    outgoing.write(body.subarray(0, meddling.bytes), () => outgoing.destroy());
  } else {
    let at = 0;
    const timer = setInterval(() => {
      if (at >= body.length || outgoing.destroyed) {
        clearInterval(timer);
        outgoing.end();
        return;
      }
      const piece = body.subarray(at, at + meddling.bytes);
      served(piece.length);
      outgoing.write(piece);
      at += piece.length;
    }, meddling.everyMs);
  }
}
