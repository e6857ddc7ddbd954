import { connect, type Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { lend } from '../oci/loan.ts';
import { connectFirst } from './addresses.ts';

/**
 * Bytes per read. Node reads at most 64 KiB by default, and every read has a fixed cost in JavaScript and the kernel.
 * CPU time measured on loopback with hashing, 105 MB: 300 ms with 64 KiB and new memory each time, 160 ms with 64 KiB
 * and the same memory, 125 ms with 256 KiB, 95 ms with 1 MiB.
 */
const READ = 256 * 1024;

/** Shorter reads are copied, which frees the read buffer immediately. */
const SHORT = 32 * 1024;

/** Maximum number of unused read buffers to keep; the garbage collector gets the rest. */
const SPARE = 32;
const spare: Buffer<ArrayBuffer>[] = [];

/** End offset of a read in its buffer, until the first chunk of the read is handed on. */
const reads = new WeakMap<ArrayBufferLike, number>();

/** Opens a connection for undici. */
export type Connector = (options: buildConnector.Options, callback: buildConnector.Callback) => void;

/** Milliseconds without data before the system sends TCP keep-alive probes. */
const KEEP_ALIVE = 60_000;

const SETTINGS = {
  autoSelectFamily: false,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE,
} as const;

/** Opens a socket to be wrapped by TLS or a proxy tunnel. */
export function openSocket(host: string, port: number): Socket {
  return connect({ ...SETTINGS, host, port });
}

/**
 * Creates a connector without TLS that uses large reads. With TLS, a read is one record of at most 16 KiB anyway.
 * @param timeout milliseconds
 */
export function plainConnector(timeout: number): Connector {
  return ({ hostname, port }, callback) => {
    connectFirst({ hostname, port: Number(port) || 80 }, timeout, openForLongReads).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
}

function openForLongReads(host: string, port: number): Socket {
  let memory = spare.pop() ?? Buffer.allocUnsafeSlow(READ);
  const take = (bytes: number): Buffer => {
    if (bytes < SHORT) return Buffer.from(memory.subarray(0, bytes));
    const read = memory.subarray(0, bytes);
    reads.set(memory.buffer, bytes);
    memory = spare.pop() ?? Buffer.allocUnsafeSlow(READ);
    return read;
  };
  const onread = { buffer: () => memory, callback: (bytes: number): boolean => socket.push(take(bytes)) };
  // Limits the socket to one buffered read: undici would merge several into a copy.
  const waiting = { highWaterMark: undefined, readableHighWaterMark: 1 };
  const socket = connect({ ...SETTINGS, ...waiting, host, port, onread });
  return socket;
}

/**
 * Registers a body chunk with the buffer pool if nothing else uses its memory: either it is the only chunk of a pooled
 * read and extends to the end of that read, or it has an ArrayBuffer of its own, as Node allocates by default.
 */
export function lendPiece(piece: Uint8Array): void {
  const { buffer, byteOffset, length } = piece;
  if (!(buffer instanceof ArrayBuffer)) return;
  const end = reads.get(buffer);
  reads.delete(buffer);
  if (end === byteOffset + length) {
    lend(piece, () => {
      if (spare.length < SPARE) spare.push(Buffer.from(buffer));
    });
  } else if (end === undefined && buffer.byteLength === length && length !== READ) {
    lend(piece, () => buffer.transfer(0));
  }
}
