import { connect, isIP, type Socket } from 'node:net';
import { type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { buildConnector } from 'undici';
import { acquireBuffer } from '../oci/buffer-pool.ts';
import { connectFirst } from './addresses.ts';
import { ClosedAfterCertificateRequest } from './certificate-refusal.ts';
import { CONNECT_TIMEOUT, codedError } from './error-codes.ts';

/**
 * Bytes per read. Node reads at most 64 KiB by default, and every read has a fixed cost in JavaScript and the kernel.
 * Without larger reads a `bundle` of 0.94 GB in large layers took 7 % more processor time (8 paired rounds, 2026-11-22);
 * with small blobs there is no difference.
 */
const READ_SIZE = 256 * 1024;

/** Shorter reads are copied, which frees the read buffer immediately. */
const COPY_BELOW = 32 * 1024;

/** Maximum number of unused read buffers to keep; the garbage collector gets the rest. */
const MAX_SPARE_BUFFERS = 32;
const spareBuffers: Buffer<ArrayBuffer>[] = [];

/** End offset of a read in its buffer, until the first chunk of the read is handed on. */
const readEnds = new WeakMap<ArrayBufferLike, number>();

/** Opens a connection for undici. */
export type Connector = (options: buildConnector.Options, callback: buildConnector.Callback) => void;

/** Milliseconds without data before the system sends TCP keep-alive probes. */
const KEEP_ALIVE_DELAY = 60_000;

const SOCKET_OPTIONS = {
  autoSelectFamily: false,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_DELAY,
} as const;

/** Opens a socket to be wrapped by TLS or a proxy tunnel. */
export function openSocket(host: string, port: number): Socket {
  return connect({ ...SOCKET_OPTIONS, host, port });
}

/**
 * Creates a connector without TLS that uses large reads. With TLS, a read is one record of at most 16 KiB anyway.
 * @param timeout milliseconds
 */
export function plainConnector(timeout: number): Connector {
  return ({ hostname, port }, callback) => {
    connectFirst({ hostname, port: Number(port) || 80 }, timeout, openWithPooledReads).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
}

function openWithPooledReads(host: string, port: number): Socket {
  let readBuffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_SIZE);
  const takeRead = (bytes: number): Buffer => {
    if (bytes < COPY_BELOW) return Buffer.from(readBuffer.subarray(0, bytes));
    const read = readBuffer.subarray(0, bytes);
    readEnds.set(readBuffer.buffer, bytes);
    readBuffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_SIZE);
    return read;
  };
  const onread = { buffer: () => readBuffer, callback: (bytes: number): boolean => socket.push(takeRead(bytes)) };
  // Limits the socket to one buffered read: undici would merge several into a copy.
  const streamOptions = { highWaterMark: undefined, readableHighWaterMark: 1 };
  const socket = connect({ ...SOCKET_OPTIONS, ...streamOptions, host, port, onread });
  return socket;
}

/** HTTP/1.1 only (dispatchers.ts), and reads of one TLS record, the most that Node hands on at once. */
const TLS_OPTIONS = { ALPNProtocols: ['http/1.1'], highWaterMark: 16 * 1024 };

/**
 * Creates a connector with TLS. Its connections to one server resume each other's sessions.
 * @param timeout milliseconds for connection and handshake together
 * @param hasCertificate true when the context contains a client certificate
 */
export function secureConnector(secureContext: SecureContext, timeout: number, hasCertificate: boolean): Connector {
  const sessions = new Map<string, Buffer>();
  const handshake = (plainSocket: Socket, host: string, name: string, deadline: number): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({
        socket: plainSocket,
        host,
        // SNI allows host names only (RFC 6066, 3).
        servername: isIP(name) === 0 ? name : '',
        secureContext,
        session: sessions.get(name),
        ...TLS_OPTIONS,
      });
      watchCertificateRequest(socket, hasCertificate);
      const timeoutError = codedError('the TLS handshake took too long', CONNECT_TIMEOUT);
      const limit = setTimeout(() => socket.destroy(timeoutError), Math.max(1, deadline - performance.now()));
      socket.on('session', (session) => sessions.set(name, session));
      socket.once('secureConnect', () => {
        clearTimeout(limit);
        resolve(socket);
      });
      socket.on('error', (error) => {
        clearTimeout(limit);
        reject(error);
      });
    });
  return ({ hostname, port, servername }, callback) => {
    const deadline = performance.now() + timeout;
    connectFirst({ hostname, port: Number(port) || 443 }, timeout, openSocket)
      .then((plainSocket) => handshake(plainSocket, hostname, servername || hostname, deadline))
      .then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      );
  };
}

/**
 * Marks errors of a connection that the server closes before any response, after requesting a client certificate: many
 * servers close it without an alert. Must be called before undici adds its listeners.
 */
export function watchCertificateRequest(socket: TLSSocket, certificateSent: boolean): void {
  // Of the certificate request, Node exposes only the signature algorithms: there are some if it was received.
  const isUnanswered = (): boolean => socket.bytesRead === 0 && (socket.getSharedSigalgs() ?? []).length > 0;
  socket.prependListener('error', (error) => {
    if (isUnanswered()) Object.assign(error, { certificateSent });
  });
  socket.prependListener('end', () => {
    if (isUnanswered()) socket.destroy(new ClosedAfterCertificateRequest(certificateSent));
  });
}

/**
 * Registers a body chunk with the buffer pool if nothing else uses its memory: either it is the only chunk of a pooled
 * read and extends to the end of that read, or it has an ArrayBuffer of its own, as Node allocates by default.
 */
export function registerPooledChunk(chunk: Uint8Array): void {
  const { buffer, byteOffset, length } = chunk;
  if (!(buffer instanceof ArrayBuffer)) return;
  const end = readEnds.get(buffer);
  readEnds.delete(buffer);
  if (end === byteOffset + length) {
    acquireBuffer(chunk, () => {
      if (spareBuffers.length < MAX_SPARE_BUFFERS) spareBuffers.push(Buffer.from(buffer));
    });
  } else if (end === undefined && buffer.byteLength === length && length !== READ_SIZE) {
    acquireBuffer(chunk, () => buffer.transfer(0));
  }
}
