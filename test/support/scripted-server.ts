import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A request received by a scripted server. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

/** One expected request, `METHOD /path?query`, and its response; `reset` resets the connection. */
export interface Step {
  readonly expect: string | RegExp;
  readonly answer?: Answer | 'reset' | ((seen: Seen, host: string) => Answer);
  /** Writes an arbitrary response, even invalid HTTP. */
  readonly raw?: (response: ServerResponse) => void;
  /** Responds after the request headers, without reading the body. */
  readonly early?: boolean;
}

export interface ScriptedServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly url: URL;
  readonly seen: readonly Seen[];
  /** Adds steps that refer to the server's own host. */
  add(...steps: readonly Step[]): void;
  /** Fails after an unexpected request, and when an expected one is missing. */
  stop(): Promise<void>;
}

/** Starts a server that responds to the requests of its script, in any order, each step once. */
export async function startScript(
  steps: readonly Step[] = [],
  tls?: { readonly cert: string; readonly key: string },
): Promise<ScriptedServer> {
  const open = [...steps];
  const seen: Seen[] = [];
  const unexpected: string[] = [];
  let host = '';
  const listener: RequestListener = async (request, response) => {
    const line = `${request.method} ${request.url}`;
    const position = open.findIndex(({ expect }) => (typeof expect === 'string' ? expect === line : expect.test(line)));
    if (position < 0) {
      unexpected.push(line);
      response.writeHead(500).end('not in the script');
      return;
    }
    const [step] = open.splice(position, 1) as [Step];
    const chunks: Buffer[] = [];
    if (step.early !== true) for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const received = { method, url, headers, body: Buffer.concat(chunks) };
    seen.push(received);
    if (step.raw !== undefined) return step.raw(response);
    const answer = typeof step.answer === 'function' ? step.answer(received, host) : (step.answer ?? {});
    if (answer === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const body = answer.body ?? '';
    const length = method === 'HEAD' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    response.writeHead(answer.status ?? 200, { ...length, ...answer.headers });
    response.end(method === 'HEAD' ? undefined : body);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer({ ...tls }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: new URL(`${tls === undefined ? 'http' : 'https'}://${host}/`),
    seen,
    add: (...extra) => void open.push(...extra),
    async stop() {
      server.closeAllConnections();
      server.close();
      if (unexpected.length > 0) throw new Error(`not in the script: ${unexpected.join(', ')}`);
      if (open.length > 0) throw new Error(`never asked for: ${open.map(({ expect }) => String(expect)).join(', ')}`);
    },
  };
}
