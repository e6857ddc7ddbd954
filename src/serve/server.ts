import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { AirgapError, messageOf } from '../base/errors.ts';
import type { AnsweredRequest } from '../base/events.ts';
import { reasonOf } from '../base/file-failure.ts';
import { type Answer, errorAnswer } from './answer.ts';
import { Buffers } from './buffers.ts';
import type { Logins } from './htpasswd.ts';
import { formatAddress, type ListenAddress } from './listen-address.ts';
import type { Registry } from './registry.ts';
import { sendAnswer } from './send.ts';

/** PEM texts. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface ServerOptions {
  readonly registry: Registry;
  /** HTTP without it. */
  readonly tls?: ServerCertificate | undefined;
  /** Everybody may read without it. */
  readonly logins?: Logins | undefined;
  readonly onRequest: (request: AnsweredRequest) => void;
  /** Called when content cannot be read. */
  readonly onFailure: (error: AirgapError) => void;
  /** Milliseconds in which a client has to take something of an answer. Lists are in memory until it has taken all. */
  readonly stalledTimeout?: number;
}

/** A server that listens. */
export interface RunningServer {
  /** Address and port that it listens on. */
  readonly address: ListenAddress;
  /** Accepts no more connections, and closes those that are left after `grace` milliseconds. */
  stop(grace: number): Promise<void>;
}

/** Connections at the same time. More than a cluster's nodes need, and less than the files that a process may open. */
const MAX_CONNECTIONS = 2048;
/** Connections of one address, so that one host that opens connections and says nothing does not lock out the others. */
const MAX_PER_ADDRESS = 512;
/** Milliseconds for the headers of a request, and for all of it. */
const HEADERS_TIMEOUT = 15_000;
const REQUEST_TIMEOUT = 30_000;
/** Milliseconds of an idle connection. Longer than the 90 s after which Go's clients close theirs would not help. */
const KEEP_ALIVE = 60_000;
const STALLED_TIMEOUT = 120_000;
/** Requests on one connection before the first is answered. No client of registries sends them like that. */
const MAX_PIPELINED = 4;
const MAX_TARGET_LOGGED = 500;

const REALM = 'Basic realm="helm airgap serve", charset="UTF-8"';

/**
 * Starts a server.
 * @throws AirgapError `listen` if the address is in use, is none of this host, or is not permitted
 */
export async function startServer(listen: ListenAddress, options: ServerOptions): Promise<RunningServer> {
  const handler = new Handler(options);
  const settings = {
    headersTimeout: HEADERS_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: KEEP_ALIVE,
    connectionsCheckingInterval: 5_000,
    noDelay: true,
  };
  const server: Server =
    options.tls === undefined
      ? createServer(settings, handler.handle)
      : createTlsServer({ ...settings, ...options.tls, handshakeTimeout: HEADERS_TIMEOUT }, handler.handle);
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = options.stalledTimeout ?? STALLED_TIMEOUT;
  limitAddresses(server);
  // Clients that wait for a permission to send are answered at once.
  server.on('checkContinue', handler.handle);
  // Idle connections give way to new ones.
  server.on('drop', () => server.closeIdleConnections());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, listen)));
    server.listen({ host: listen.host, port: listen.port, backlog: 511 }, resolve);
  });
  server.on('error', (error) => options.onFailure(new AirgapError('listen', messageOf(error), { cause: error })));
  const { address, port } = server.address() as AddressInfo;
  return { address: { host: address, port }, stop: (grace) => stop(server, grace) };
}

/** Closes connections of an address that has too many. */
function limitAddresses(server: Server): void {
  const counts = new Map<string, number>();
  server.on('connection', (socket) => {
    const { remoteAddress = '' } = socket;
    const count = (counts.get(remoteAddress) ?? 0) + 1;
    counts.set(remoteAddress, count);
    socket.once('close', () => {
      const left = (counts.get(remoteAddress) ?? 1) - 1;
      if (left > 0) counts.set(remoteAddress, left);
      else counts.delete(remoteAddress);
    });
    if (count <= MAX_PER_ADDRESS) return;
    // A site behind one address: its idle connections give way to the next attempt.
    server.closeIdleConnections();
    socket.destroy();
  });
}

async function stop(server: Server, grace: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), grace);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    if (grace === 0) server.closeAllConnections();
  });
  clearTimeout(timer);
}

/** Answers requests of all connections. */
class Handler {
  readonly #options: ServerOptions;
  readonly #buffers = new Buffers();
  readonly #pending = new WeakMap<Socket, number>();

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const pending = (this.#pending.get(socket) ?? 0) + 1;
    this.#pending.set(socket, pending);
    if (pending > MAX_PIPELINED) {
      socket.destroy();
      return;
    }
    const started = performance.now();
    const { method = '', url: target = '' } = request;
    const client = socket.remoteAddress ?? '';
    response.once('close', () => this.#pending.set(socket, (this.#pending.get(socket) ?? 1) - 1));
    this.#answer(request, response)
      .catch((error: unknown) => {
        // Part of the answer may have been sent, so only a closed connection tells that it is incomplete.
        socket.destroy();
        this.#options.onFailure(
          error instanceof AirgapError ? error : new AirgapError('file', reasonOf(error), { cause: error }),
        );
        return 0;
      })
      .then((bytes) => {
        const seconds = (performance.now() - started) / 1000;
        const { statusCode: status } = response;
        const shown = target.slice(0, MAX_TARGET_LOGGED);
        this.#options.onRequest({ client, method, target: shown, status, bytes, seconds });
      });
  };

  /** @returns bytes of the body that were sent */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<number> {
    const { method = '', url: target = '', headers } = request;
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    // A body is never read: whoever sends one gets the answer, and then the end of the connection.
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
      response.setHeader('Connection', 'close');
    const refusal = await this.#refusalOf(request);
    const answer = refusal ?? this.#options.registry.answer({ method, target, headers: headers as RequestHeaders });
    return sendAnswer(response, answer, method === 'HEAD', this.#buffers);
  }

  /** Returns the answer to a request without a good login; undefined if it may read. */
  async #refusalOf({ headers, socket }: IncomingMessage): Promise<Answer | undefined> {
    const { logins } = this.#options;
    if (logins === undefined) return undefined;
    const check = await logins.check(headers.authorization, socket.remoteAddress ?? '');
    if (check === 'good') return undefined;
    if (check === 'busy')
      return errorAnswer(429, 'TOOMANYREQUESTS', 'too many logins are being checked', { 'Retry-After': '5' });
    return errorAnswer(401, 'UNAUTHORIZED', 'a user and a password are needed', { 'WWW-Authenticate': REALM });
  }
}

type RequestHeaders = Parameters<Registry['answer']>[0]['headers'];

const LISTEN_REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  EADDRINUSE: ['is in use', 'choose another port with --listen, or stop the program that listens there'],
  EADDRNOTAVAIL: ['is no address of this host', 'list the addresses with ip address, or listen on 0.0.0.0'],
  EACCES: ['is not permitted to this user', 'choose a port from 1024 on with --listen'],
};

function listenError(error: NodeJS.ErrnoException, address: ListenAddress): AirgapError {
  const [reason, hint] = LISTEN_REASONS[error.code ?? ''] ?? [`cannot be listened on: ${messageOf(error)}`];
  return new AirgapError('listen', `${formatAddress(address)} ${reason}`, { hint, cause: error });
}
