import { connect, type Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { acquireBuffer } from '../oci/buffer-pool.ts';
import { connectFirst } from './addresses.ts';

/**
 * Bytes per read. Node reads at most 64 KiB by default, and every read has a fixed cost in JavaScript and the kernel.
 * CPU time measured on loopback with hashing, 105 MB: 300 ms with 64 KiB and new memory each time, 160 ms with 64 KiB
 * and the same memory, 125 ms with 256 KiB, 95 ms with 1 MiB.
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
