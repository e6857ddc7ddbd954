import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Obstacle, startTlsFront, type TlsFront } from './tls-front.ts';
import { tokenGate } from './token-gate.ts';

/** One request, as recorded by the proxy. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** The same in every run: method and path without the names of upload sessions, and an ordinal. */
  readonly step: string;
  /** The client's User-Agent. */
  readonly agent: string;
  /** Bytes of the request, status and bytes of the response; 0 until there is one. */
  sent: number;
  status: number;
  answered: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request, handled by a fault. */
export interface Exchange {
  readonly recorded: RecordedRequest;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** `localhost:PORT` of another host with the same content, which records credentials that it receives. */
  readonly elsewhere: string;
  /** Reads the request's body to its end. */
  body(): Promise<Buffer>;
  /** Forwards the request, with another body if one is given, and returns the response. */
  forward(body?: Buffer): Promise<Answer>;
  reply(answer: Answer): void;
  /** Revokes all tokens. */
  revoke(): void;
  /** For requests over TLS: resets the connection, and puts an obstacle in the way of the next ones. */
  obstruct(obstacle: Obstacle, times: number): void;
}

/** Handles a request in place of the registry. */
export type Fault = (exchange: Exchange) => Promise<void>;

/** Chooses the fault for a request; undefined lets it pass. */
export type Plan = (recorded: RecordedRequest) => Fault | undefined;

/**
 * A proxy in front of a real registry that requires tokens and injects faults; also usable as an HTTP proxy. It buffers
 * bodies: for small content only.
 */
export interface FaultProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The same registry over TLS. */
  readonly tlsFront: TlsFront;
  /** Target of redirects: `localhost:PORT`. */
  readonly elsewhere: string;
  /** All requests since the last `begin`. */
  readonly requests: readonly RecordedRequest[];
  /** Credentials that the other host received since the last `begin`. */
  readonly leaks: readonly string[];
  /** Begins a run. */
  begin(plan?: Plan): void;
  stop(): Promise<void>;
}

/**
 * @param account user and password that get tokens, or several of them
 * @param name host that is requested through proxies
 */
export async function startFaultProxy(
  upstream: string,
  account: string | readonly string[],
  name: string,
): Promise<FaultProxy> {
  const state = { requests: [] as RecordedRequest[], leaks: [] as string[], plan: (() => undefined) as Plan };
  const gate = tokenGate(...[account].flat());
  const other = createServer((incoming, outgoing) => {
    const { authorization, cookie } = incoming.headers;
    if (authorization ?? cookie) state.leaks.push(`${incoming.method} ${incoming.url} came with credentials`);
    whole(incoming)
      .then((body) => send(upstream, incoming, body))
      .then((answer) => reply(outgoing, answer))
      .catch(() => outgoing.destroy());
  });
  const listener: RequestListener = (incoming, outgoing) => {
    const recorded = recordedRequest(incoming, state.requests);
    state.requests.push(recorded);
    let read: Promise<Buffer> | undefined;
    const body = (): Promise<Buffer> => {
      read ??= whole(incoming);
      return read;
    };
    const exchange: Exchange = {
      recorded,
      incoming,
      outgoing,
      elsewhere: hostOf(other, 'localhost'),
      body,
      forward: async (other) => {
        const own = await body();
        return gate.answer(incoming) ?? send(upstream, incoming, other ?? own);
      },
      reply: (answer) => reply(outgoing, answer),
      revoke: gate.revoke,
      obstruct: (obstacle, times) => tlsFront.obstruct(incoming, obstacle, times),
    };
    (state.plan(recorded) ?? pass)(exchange).catch(() => outgoing.destroy());
  };
  const front = createServer(listener);
  const tlsFront = await startTlsFront(listener, name);
  for (const server of [front, other]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  return {
    host: hostOf(front, '127.0.0.1'),
    tlsFront,
    elsewhere: hostOf(other, 'localhost'),
    get requests() {
      return state.requests;
    },
    get leaks() {
      return state.leaks;
    },
    begin(plan = () => undefined) {
      Object.assign(state, { requests: [], leaks: [], plan });
      tlsFront.clear();
    },
    async stop() {
      await tlsFront.stop();
      for (const server of [front, other]) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

/** Forwards a request unchanged. */
export const pass: Fault = async ({ recorded, body, forward, reply: give }) => {
  recorded.sent = (await body()).length;
  const answer = await forward();
  recorded.status = answer.status;
  recorded.answered = answer.body.length;
  give(answer);
};

function recordedRequest(
  { method = '', url = '', headers }: IncomingMessage,
  before: readonly RecordedRequest[],
): RecordedRequest {
  const { pathname, search } = new URL(url, 'http://localhost');
  const path = pathname + search;
  const digest = /digest=(sha256(?::|%3A)[0-9a-f]+)/.exec(search)?.[1]?.replace('%3A', ':');
  const session = pathname.replace(/\/blobs\/uploads\/.+$/, `/blobs/uploads/SESSION ${digest ?? ''}`);
  const key = `${method} ${session === pathname ? decodeURIComponent(path) : session}`;
  const count = before.filter(({ step }) => step.startsWith(`${key} #`)).length + 1;
  return {
    method,
    path,
    step: `${key} #${count}`,
    agent: headers['user-agent'] ?? '',
    sent: 0,
    status: 0,
    answered: 0,
  };
}

async function whole(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Forwards the Host header unchanged, so that upload sessions have the client's address. */
async function send(
  upstream: string,
  { method, url = '', headers, socket }: IncomingMessage,
  body: Buffer,
): Promise<Answer> {
  const [host, port] = upstream.split(':');
  const { pathname, search } = new URL(url, 'http://localhost');
  const { authorization: _, 'content-length': __, 'transfer-encoding': ___, connection: ____, ...rest } = headers;
  const length = body.length > 0 || method === 'POST' || method === 'PUT' ? { 'content-length': body.length } : {};
  const secure = 'encrypted' in socket ? { 'x-forwarded-proto': 'https' } : {};
  const onward = request({ host, port, method, path: pathname + search, headers: { ...rest, ...length, ...secure } });
  onward.end(body);
  const [answer] = (await once(onward, 'response')) as [IncomingMessage];
  const { 'transfer-encoding': chunked, connection: _____, ...kept } = answer.headers;
  const content = await whole(answer);
  const known = chunked === undefined ? {} : { 'content-length': String(content.length) };
  return { status: answer.statusCode ?? 502, headers: { ...kept, ...known }, body: content };
}

function reply(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, headers);
  outgoing.end(body);
}

function hostOf(server: ReturnType<typeof createServer>, name: string): string {
  return `${name}:${(server.address() as AddressInfo).port}`;
}
