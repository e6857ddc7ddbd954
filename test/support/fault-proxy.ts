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
import { type FaultDoor, type Obstacle, startFaultDoor } from './fault-door.ts';
import { gateOf } from './token-gate.ts';

/** One request as the proxy saw it. */
export interface Passage {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** The same in every run: method and path, upload sessions without their names, and how many have gone before it. */
  readonly step: string;
  /** The client's User-Agent. */
  readonly agent: string;
  /** Bytes that were sent, and bytes and status of the answer; 0 until there is one. */
  sent: number;
  status: number;
  answered: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request in the hands of a fault. */
export interface Exchange {
  readonly passage: Passage;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Another host that has the same content, and writes down which credentials come to it: `localhost:PORT`. */
  readonly elsewhere: string;
  /** Reads the request's body to its end. */
  body(): Promise<Buffer>;
  /** Has the request carried out, and gives the answer; with another body when one is given. */
  forward(body?: Buffer): Promise<Answer>;
  reply(answer: Answer): void;
  /** Makes all tokens that were given out so far worthless. */
  revoke(): void;
  /** Of a request that came over TLS: ends its connection, and puts an obstacle in the way of the next ones. */
  slam(obstacle: Obstacle, times: number): void;
}

/** What is done to a request instead of answering it. */
export type Fault = (exchange: Exchange) => Promise<void>;

/** Says what happens to a request; undefined lets it pass. */
export type Plan = (passage: Passage) => Fault | undefined;

/**
 * Stands before a real registry as a registry that wants tokens, or as an HTTP proxy on the way to one, and does to
 * each request what the plan says. It waits for whole bodies: it is for small content.
 */
export interface FaultProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The same registry over TLS. */
  readonly door: FaultDoor;
  /** Where faults redirect to: `localhost:PORT`. */
  readonly elsewhere: string;
  /** All requests since the last `begin`. */
  readonly passages: readonly Passage[];
  /** Credentials that came to the other host since the last `begin`. */
  readonly leaks: readonly string[];
  /** Begins a run. */
  begin(plan?: Plan): void;
  stop(): Promise<void>;
}

/**
 * @param account user and password that tokens are given for
 * @param name host that is asked for through proxies
 */
export async function startFaultProxy(upstream: string, account: string, name: string): Promise<FaultProxy> {
  const state = { passages: [] as Passage[], leaks: [] as string[], plan: (() => undefined) as Plan };
  const gate = gateOf(account);
  const other = createServer((incoming, outgoing) => {
    const { authorization, cookie } = incoming.headers;
    if (authorization ?? cookie) state.leaks.push(`${incoming.method} ${incoming.url} came with credentials`);
    whole(incoming)
      .then((body) => send(upstream, incoming, body))
      .then((answer) => reply(outgoing, answer))
      .catch(() => outgoing.destroy());
  });
  const listener: RequestListener = (incoming, outgoing) => {
    const passage = passageOf(incoming, state.passages);
    state.passages.push(passage);
    let read: Promise<Buffer> | undefined;
    const body = (): Promise<Buffer> => {
      read ??= whole(incoming);
      return read;
    };
    const exchange: Exchange = {
      passage,
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
      slam: (obstacle, times) => door.slam(incoming, obstacle, times),
    };
    (state.plan(passage) ?? pass)(exchange).catch(() => outgoing.destroy());
  };
  const front = createServer(listener);
  const door = await startFaultDoor(listener, name);
  for (const server of [front, other]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  return {
    host: hostOf(front, '127.0.0.1'),
    door,
    elsewhere: hostOf(other, 'localhost'),
    get passages() {
      return state.passages;
    },
    get leaks() {
      return state.leaks;
    },
    begin(plan = () => undefined) {
      Object.assign(state, { passages: [], leaks: [], plan });
      door.open();
    },
    async stop() {
      await door.stop();
      for (const server of [front, other]) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

/** Lets a request through. */
export const pass: Fault = async ({ passage, body, forward, reply: give }) => {
  passage.sent = (await body()).length;
  const answer = await forward();
  passage.status = answer.status;
  passage.answered = answer.body.length;
  give(answer);
};

function passageOf({ method = '', url = '', headers }: IncomingMessage, before: readonly Passage[]): Passage {
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

/** The Host header stays as it came, so that upload sessions are where the client is. */
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
